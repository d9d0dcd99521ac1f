// Does a process know its children, and how they have ended?

import TestSupport
import Testing

@testable import PostgresCluster

struct ProcessTableTests {
    /// The shell becomes a program that takes no note of the child it had as a shell.
    @Test(arguments: [("exit 7", Int32(7)), ("kill -9 $(sh -c 'echo $PPID')", 137)])
    func anOverlookedEnd(_ command: String, _ status: Int32) throws {
        let parent = try ExternalProgram("/bin/sh", ["-c", "(\(command)) & exec sleep 20"]).start()
        try eventually("the child to be over") {
            ProcessTable.children(of: parent.pid).compactMap { ProcessTable.status(ofEnded: $0) } == [status]
        }
        #expect(ProcessTable.status(ofEnded: parent.pid) == nil)
        #expect(throws: ClusterError.self) { try parent.finish(limit: .milliseconds(1)) }
    }
}
