// Is code that the compiler cannot check only where it must be, and does it say why it is right?

import Testing

@Suite struct SafetyTests {
    private static let unsafeModules: Set<String> = ["Reactor", "OpenSSL", "Probing", "Passwords"]

    @Test(arguments: SourceTree.sources)
    func unsafeCode(_ file: SourceFile) {
        guard !Self.unsafeModules.contains(file.module) else { return }
        for (number, line) in zip(1..., file.code) {
            #expect(!Self.hasWord("unsafe", line), "\(file.path):\(number) has unsafe code")
            #expect(!line.contains("Unsafe"), "\(file.path):\(number) names a pointer type")
        }
    }

    /// What the compiler believes us needs a sentence that proves it: on the line or in the lines above.
    private static let beliefs = ["@unchecked", "nonisolated(unsafe)", "try!", "as!", "unowned(unsafe)", "@safe"]

    @Test(arguments: SourceTree.sources)
    func beliefsHaveReasons(_ file: SourceFile) {
        for (index, line) in file.code.enumerated() {
            for belief in Self.beliefs where line.contains(belief) {
                let nearby = file.lines[max(0, index - 3)...index]
                #expect(
                    nearby.contains { $0.contains("//") }, "\(file.path):\(index + 1) says \(belief) without a reason")
            }
        }
    }

    /// Nothing on the way of a query may wait or hop between threads.
    @Test(arguments: SourceTree.sources.filter { ImportTests.brain.contains($0.module) })
    func theBrainIsSynchronous(_ file: SourceFile) {
        guard ImportTests.exceptions[file.path] != "Synchronization" else { return }
        for (number, line) in zip(1..., file.code) {
            for word in ["async", "await", "Task", "actor", "Lock", "Mutex", "Atomic", "DispatchQueue"] {
                #expect(!Self.hasWord(word, line), "\(file.path):\(number) says \(word)")
            }
        }
    }

    /// A build for ThreadSanitizer exchanges the lock, hence there is one.
    @Test(arguments: SourceTree.sources + SourceTree.tests)
    func thereIsOneLock(_ file: SourceFile) {
        guard file.module != "Locks" else { return }
        for (number, line) in zip(1..., file.code) {
            for word in ["Mutex", "NSLock", "NSRecursiveLock", "pthread_mutex_t", "OSAllocatedUnfairLock"] {
                #expect(!Self.hasWord(word, line), "\(file.path):\(number) says \(word) instead of Lock")
            }
        }
    }

    /// A new case of a state or an event must be looked at wherever it is switched over. Bytes, numbers and the names
    /// in messages have no end of values: a switch whose labels are such literals may have a default, and so may one
    /// whose default says why. SQL's grammar switches over keywords, of which each rule knows a few.
    @Test(arguments: SourceTree.sources.filter { ImportTests.brain.contains($0.module) && $0.module != "SQL" })
    func switchesNameEveryCase(_ file: SourceFile) {
        for index in Self.looseDefaults(file) {
            Issue.record("\(file.path):\(index + 1) has a default; name the cases, or say why there is no end of them")
        }
    }

    /// The indices of the lines with a `default` that needs a reason and has none.
    static func looseDefaults(_ file: SourceFile) -> [Int] {
        let code = file.code
        return code.indices.filter { index in
            guard code[index].drop(while: { $0 == " " }).hasPrefix("default:") else { return false }
            let hasReason =
                file.lines[index].contains("//") || file.lines[max(0, index - 1)].contains("//")
                || (index + 1 < file.lines.count
                    && file.lines[index + 1].drop(while: { $0 == " " }).hasPrefix("//"))
            return !hasReason && labels(beforeDefault: index, code).contains(where: isOfAnEnum)
        }
    }

    /// What stands behind `case` in the switch to which the default at `index` belongs.
    private static func labels(beforeDefault index: Int, _ code: [String]) -> [String] {
        let indentation = code[index].prefix { $0 == " " }
        var labels: [String] = []
        for line in code[..<index].reversed() where line.hasPrefix(indentation) {
            let text = line.dropFirst(indentation.count)
            if text.hasPrefix("case ") { labels.append(String(text.dropFirst(5))) }
            if text.first != " ", hasWord("switch", String(text)) { break }
        }
        return labels
    }

    private static func isOfAnEnum(_ label: String) -> Bool {
        label.hasPrefix(".") || label.hasPrefix("let .") || label.hasPrefix("(.")
    }

    static func hasWord(_ word: String, _ line: String) -> Bool {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.contains { $0 == word }
    }

    @Test(arguments: [
        ("switch x {\ncase .a: 1\ndefault: 2\n}", [2]),
        ("switch x {\ncase 0x41: 1\ncase Frontend.query: 2\ndefault: 3\n}", []),
        ("switch x {\ncase .a: 1\n// Any other message is the peer's mistake.\ndefault: 3\n}", []),
        ("switch x {\ncase .a: 1\ndefault: 3  // no end of names\n}", []),
        ("switch x {\ncase .a:\n    switch y {\n    case 1: 0\n    default: 1\n    }\ncase .b: 2\n}", []),
        ("switch (x, y) {\ncase (.a, .b): 1\ndefault: 2\n}", [2]),
        ("let counts = [0, default: 1]", []),
    ])
    func findsDefaults(_ text: String, _ expected: [Int]) {
        #expect(Self.looseDefaults(SourceFile(path: "x.swift", text: text)) == expected)
    }
}
