// Which settings file does the same as one of PgBouncer's?

import ArgumentParser
import Settings

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Print the settings file that does what a pgbouncer.ini does; what has no equivalent is a comment.")

    @Argument(help: ArgumentHelp("PgBouncer's settings file.", valueName: "pgbouncer.ini"))
    var file: String

    func run() throws {
        let imported = PgBouncerImport(path: file)
        guard imported.mistakes.isEmpty else {
            throw OperatorError(sentence: imported.mistakes.joined(separator: "\npointsman: "))
        }
        print(imported.text, terminator: "")
    }
}
