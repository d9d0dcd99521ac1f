// Who ends the servers and removes their files, however the process that started them ends?

import Foundation

/// A shell that waits for the end of a pipe whose other end only we hold. The pipe ends when we close it and also when
/// we are killed, so a crashed test run leaves neither processes nor files behind.
///
/// Its processes are those whose number is the first line of `postmaster.pid` in a folder of the directory, or of a
/// file `NAME.pid` in the directory itself.
package struct ProcessKeeper: Sendable {
    private let process: Process
    private let lifeline: Pipe

    /// SIGQUIT, which is "at once" to PostgreSQL and to the router, then SIGKILL; then removal. A stopped process is
    /// woken first. Backends of a killed server may still write for a moment, hence several attempts to remove.
    private static let script = """
        trap '' INT TERM HUP
        cat >/dev/null
        signal() {
            for file in "$1"/*/postmaster.pid "$1"/*.pid; do
                [ -f "$file" ] && kill -"$2" "$(head -n 1 "$file")" 2>/dev/null
            done
        }
        alive() {
            for file in "$1"/*/postmaster.pid "$1"/*.pid; do
                [ -f "$file" ] && kill -0 "$(head -n 1 "$file")" 2>/dev/null && return 0
            done
            return 1
        }
        signal "$1" CONT
        signal "$1" QUIT
        attempts=100
        while alive "$1" && [ "$attempts" -gt 0 ]; do sleep 0.05; attempts=$((attempts - 1)); done
        signal "$1" KILL
        attempts=100
        while ! rm -rf "$1" 2>/dev/null && [ "$attempts" -gt 0 ]; do sleep 0.05; attempts=$((attempts - 1)); done
        """

    /// Watches over an existing directory from now on.
    package init(directory: String) throws(ClusterError) {
        process = ExternalProgram("/bin/sh", ["-c", Self.script, "sh", directory]).process()
        lifeline = Pipe()
        process.standardInput = lifeline
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw .notStarted(program: "/bin/sh", reason: "\(error)")
        }
    }

    /// Ends the processes, removes the directory and returns when both are done.
    package func finish() {
        // Closed already when it is the second call.
        try? lifeline.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
