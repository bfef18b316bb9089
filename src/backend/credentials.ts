/** Where the secrets for a place come from: never from arguments, which everybody on the machine can read. */

export interface CredentialSource {
  /** Absolute path of a file of lines `name = value`, which only its owner may read. */
  readonly file?: string;
  /** A line for the system's shell that prints what such a file has, or JSON as AWS' `credential_process` does. */
  readonly command?: string;
  /** Environment variables, such as AWS_SECRET_ACCESS_KEY. */
  readonly env?: (name: string) => string | undefined;
}
