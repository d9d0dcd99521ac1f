// How is the control thread told that something is asked of it?

/// A pipe that ends a wait in `poll`.
final class WakeUp: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    /// Nil when the process has no descriptors left.
    init?() {
        guard let ends = SystemCalls.makePipe() else { return nil }
        readEnd = ends.read
        writeEnd = ends.write
    }

    deinit {
        SystemCalls.close(readEnd)
        SystemCalls.close(writeEnd)
    }

    /// From any thread.
    func signal() { SystemCalls.writeByte(writeEnd) }

    /// Forgets all signals so far.
    func drain() { SystemCalls.drain(readEnd) }
}
