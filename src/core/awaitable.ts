/** A value that is available now or later: an engine on a local disk answers at once, one on a network can't. */
export type Awaitable<T> = T | Promise<T>;
