/** A value that is at hand or will be: an engine on a local disk answers at once, one on a network can't. */
export type Awaitable<T> = T | Promise<T>;
