// How is a session kept from being copied to the stack each time that it is asked something?

import Synchronization

/// A struct that contains an atomic has an address of its own, by which it is passed. Others of the size of a session
/// are copied for each call of a method that does not change them, although nobody could tell the copy from the
/// original. This atomic is never read.
struct Anchor: ~Copyable, Sendable {
    private let word = Atomic(false)
}
