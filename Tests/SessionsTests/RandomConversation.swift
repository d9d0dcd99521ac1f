// Which conversations could a client hold that nobody would write down as a test?

/// A random number generator with a seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// Writes conversations out of few names and texts, so that they meet often.
struct RandomConversation {
    private static let texts = [
        "SELECT 1", "SELECT 2", "SELECT 1/0", "SELECT nosuch", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)",
        "SELECT a FROM t", "BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "START TRANSACTION", "", "SHOW datestyle",
    ]
    private static let queryTexts =
        texts + [
            "BEGIN; INSERT INTO t VALUES (3); COMMIT", "SELECT 1; SELECT 2", "SELECT 1; SELECT 1/0; SELECT 2",
            "INSERT INTO t VALUES (4); SELECT 1/0", "DEALLOCATE a", "DEALLOCATE ALL", "DISCARD ALL", "BEGIN READ ONLY",
            "COPY t TO STDOUT", "COMMIT AND CHAIN", "SAVEPOINT s", "ROLLBACK TO s",
        ]
    private static let preparations = [
        "PREPARE a AS SELECT 1", "PREPARE a AS SELECT 1", "PREPARE a AS SELECT 2", "PREPARE b AS SELECT 3",
        "PREPARE b AS INSERT INTO t VALUES (5)", "PREPARE b AS SELECT 1/0", "PREPARE a AS SELECT nosuch", "EXECUTE a",
        "EXECUTE a", "EXECUTE a", "EXECUTE b", "EXECUTE b", "DEALLOCATE a", "DEALLOCATE ALL", "DISCARD ALL", "BEGIN",
        "COMMIT", "ROLLBACK", "EXECUTE a; SELECT 1", "PREPARE a AS SELECT 4; SELECT 2", "DEALLOCATE a; SELECT 5",
        "SELECT f(1)", "INSERT INTO t VALUES (6)", "SAVEPOINT s", "ROLLBACK TO s",
    ]
    private static let names = ["", "", "a", "b"]
    private static let portals = ["", "", "", "x"]

    private var random: SeededRandom
    /// Statements that make a session keep its server.
    var allowsPins = false
    /// Settings are changed and shown, and no transaction is READ ONLY: on a replica nothing can be set.
    var changesSettings = false

    /// Statements are prepared and executed in SQL; no transaction is READ ONLY, as above.
    var preparesInSQL = false

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func batches(_ count: Int) -> [[Message]] {
        (0..<count).map { _ in batch() }
    }

    private mutating func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func batch() -> [Message] {
        if changesSettings, chance(40) { return setting() }
        if preparesInSQL, chance(60) { return [.query(pick(Self.preparations))] }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30 where changesSettings || preparesInSQL:
            return [.query(pick(Self.queryTexts.filter { !$0.contains("READ ONLY") }))]
        case 0..<30: return [.query(pick(Self.queryTexts))]
        case 30..<34: return [.query("COPY t FROM STDIN")] + copyData()
        case 34..<38:
            let copy: [Message] = [.parse("", "COPY t FROM STDIN"), .bind(""), .execute()]
            // COPY does not stay behind as the unnamed statement: what follows would be its data.
            return copy + (chance(50) ? [.sync] : []) + copyData() + [.sync, .parse("", "SELECT 1"), .sync]
        case 38..<40: return [.functionCall]
        case 40..<43 where allowsPins: return [.query(pick(["LISTEN a", "SET work_mem = 1"]))]
        default: return extended()
        }
    }

    private mutating func setting() -> [Message] {
        let text = pick([
            "SET work_mem = 5", "SET work_mem = 6", "RESET work_mem", "SET LOCAL work_mem = 7", "SHOW work_mem",
            "SHOW work_mem", "SHOW work_mem", "RESET ALL", "BEGIN", "COMMIT", "ROLLBACK", "DISCARD ALL",
        ])
        return chance(50) ? [.query(text)] : [.parse("", text), .bind(""), .execute(), .sync]
    }

    private mutating func copyData() -> [Message] {
        let data = (0..<Int.random(in: 0..<3, using: &random)).map { _ in Message.copyData(chance(20) ? "bad" : "good")
        }
        return data + [chance(80) ? .copyDone : .copyFail("no")]
    }

    private mutating func extended() -> [Message] {
        var messages: [Message] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let name = pick(Self.names)
            let portal = pick(Self.portals)
            if chance(65) { messages.append(.parse(name, pick(Self.texts))) }
            if chance(25) { messages.append(.describeStatement(name)) }
            if chance(85) { messages.append(.bind(name, portal: portal, padding: chance(10) ? 300 : 0)) }
            if chance(40) { messages.append(.describePortal(portal)) }
            if chance(85) { messages.append(.execute(portal)) }
            if chance(15) { messages.append(.closeStatement(name)) }
            if chance(5) { messages.append(.closePortal(portal)) }
            if chance(10) { messages.append(.flush) }
            if chance(6) {
                messages += [.parse("", "DEALLOCATE \(pick(["a", "b"]))"), .bind(""), .execute()]
            }
            if chance(8) { messages.append(.parse("n", "DEALLOCATE \(pick(["a", "b"]))")) }
        }
        return messages + [.sync]
    }
}
