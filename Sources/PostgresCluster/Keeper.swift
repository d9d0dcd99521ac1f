// Who ends the servers and removes their files, however the process that started them ends?

import Foundation

/// A shell that waits for the end of a pipe whose other end only we hold. The pipe ends when we close it and also when we
/// are killed, so a crashed test run leaves neither servers nor files behind.
struct Keeper: Sendable {
    private let process: Process
    private let lifeline: Pipe

    /// Immediate shutdown of every server below the directory, then removal. A server removes its `postmaster.pid` when
    /// it has ended; backends of a killed one may still write for a moment, hence several attempts to remove.
    private static let script = """
        trap '' INT TERM HUP
        cat >/dev/null
        signal() {
            for file in "$1"/*/postmaster.pid; do
                [ -f "$file" ] && kill -"$2" "$(head -n 1 "$file")" 2>/dev/null
            done
        }
        servers() { ls "$1"/*/postmaster.pid >/dev/null 2>&1; }
        signal "$1" CONT
        signal "$1" QUIT
        attempts=50
        while servers "$1" && [ "$attempts" -gt 0 ]; do sleep 0.1; attempts=$((attempts - 1)); done
        signal "$1" KILL
        attempts=50
        while ! rm -rf "$1" 2>/dev/null && [ "$attempts" -gt 0 ]; do sleep 0.1; attempts=$((attempts - 1)); done
        """

    init(directory: String) throws(ClusterError) {
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

    /// Ends the servers, removes the directory and returns when both are done.
    func finish() {
        try? lifeline.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
