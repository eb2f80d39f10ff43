import type { ObjectStorage } from '../../store/objects/storage.ts'

/** The parts of the API of Durable Objects that are used here, without a package of types. */
export interface ObjectNamespace<Stub> {
  /** Returns an id that nobody can guess. */
  newUniqueId(): ObjectId
  /** @throws TypeError if no object of this namespace can have the id */
  idFromString(text: string): ObjectId
  idFromName(name: string): ObjectId
  /** Returns the object with this id. The object exists as soon as it gets a request. */
  get(id: ObjectId): Stub
}

export interface ObjectId {
  toString(): string
}

/** What an object gets from the platform. */
export interface ObjectState {
  readonly id: ObjectId
  readonly storage: ObjectStorage
  waitUntil(promise: Promise<unknown>): void
}

export interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void
}
