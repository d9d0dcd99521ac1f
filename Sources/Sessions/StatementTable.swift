// Which statement texts are known, and what does each of them do?

public import SQL
import Wire

/// A place in a `StatementTable`; valid as long as somebody retains it.
public struct StatementReference: Hashable, Sendable {
    public static let none = StatementReference(index: -1)

    var index: Int32
}

/// The texts of Parse messages with their parameter types, each kept once, classified once.
///
/// One table belongs to one worker. A text under other settings is another statement, because PostgreSQL folds
/// literals while it parses, and in another database, because its names mean something else there. Entries that nobody
/// retains stay for the next client until the table is full.
public struct StatementTable: Sendable {
    /// Unretained texts beyond this many make room for new ones.
    public static let cacheLimit = 4_096
    /// Longer texts are not kept once nobody retains them.
    public static let cachedTextLimit = 16_384

    private struct Entry: Sendable {
        var hash: UInt64
        var id: StatementID
        var key: ParsingKey
        var tail: [UInt8]
        var textLength: Int
        var classification: Classification
        var references: Int32
        var nextInBucket: Int32
        /// What was learned of the text, as of a generation of `learned`.
        var lesson: LearnedStatements.Lesson?
        var lessonGeneration: UInt64 = 0
    }

    private var entries: [Entry] = []
    private var free: [Int32] = []
    private var buckets: [Int32]
    /// Where the search for an unretained entry goes on.
    private var clockHand = 0
    private var nextID: UInt64
    private var lastVariant: UInt32 = 0
    /// What is known of the catalogs, by their numbers.
    private var knowledge: [Knowledge?] = []
    /// What running statements has taught.
    public var learned = LearnedStatements()
    private var verdicts = VerdictCache()

    /// - Parameter worker: makes the numbers of this table differ from those of every other worker.
    public init(worker: Int) {
        precondition(worker >= 0 && worker < 256, "A worker's number fits in eight bits.")
        buckets = Array(repeating: -1, count: 1_024)
        nextID = UInt64(worker) << 40 | 1
    }

    /// How many texts are known.
    public var count: Int { entries.count - free.count }

    /// How many of them somebody holds.
    public var retainedCount: Int { entries.count { $0.references > 0 } }

    public func id(_ reference: StatementReference) -> StatementID { entries[Int(reference.index)].id }

    public func classification(_ reference: StatementReference) -> Classification {
        entries[Int(reference.index)].classification
    }

    /// The verdict by what is known now: of other generations of knowledge it is made anew.
    mutating func currentClassification(_ reference: StatementReference) -> Classification {
        let position = Int(reference.index)
        let known = knowledge(of: entries[position].key.catalog)
        if entries[position].classification.generation != known?.generation ?? 0 {
            let tail = entries[position].tail
            entries[position].classification = Classifier.classify(
                tail.span.extracting(0..<entries[position].textLength), settings: entries[position].key.lexer,
                knowledge: known, hasUserTypes: tail.span.namesUserType(behind: entries[position].textLength))
        }
        return entries[position].classification
    }

    /// Whether the text may begin with a comment.
    func mayHaveComment(_ reference: StatementReference) -> Bool {
        RouterComment.mayBegin(with: entries[Int(reference.index)].tail.first ?? 0)
    }

    /// What was learned of a statement.
    mutating func lesson(of reference: StatementReference) -> LearnedStatements.Lesson? {
        guard !learned.isEmpty else { return nil }
        let position = Int(reference.index)
        if entries[position].lessonGeneration != learned.generation {
            entries[position].lesson = learned.lesson(
                of: fingerprint(reference), in: entries[position].key.catalog)
            entries[position].lessonGeneration = learned.generation
        }
        return entries[position].lesson
    }

    /// What was learned of a text that is no statement of the table.
    func lesson(
        of text: Span<UInt8>, settings: LexerSettings, in catalog: CatalogID
    ) -> LearnedStatements.Lesson? {
        guard !learned.isEmpty else { return nil }
        return learned.lesson(of: Fingerprint(of: text, settings: settings), in: catalog)
    }

    func fingerprint(_ reference: StatementReference) -> Fingerprint {
        let entry = entries[Int(reference.index)]
        return Fingerprint(of: entry.tail.span.extracting(0..<entry.textLength), settings: entry.key.lexer)
    }

    /// The verdict on a text that is no statement of the table, by what is known now.
    public mutating func verdict(
        on text: Span<UInt8>, settings: LexerSettings, in catalog: CatalogID
    ) -> Classification {
        verdicts.verdict(on: text, settings: settings, catalog: catalog, knowledge: knowledge(of: catalog))
    }

    /// What is known of a database; nil: nothing.
    func knowledge(of catalog: CatalogID) -> Knowledge? {
        let number = Int(catalog.rawValue)
        return number >= 0 && number < knowledge.count ? knowledge[number] : nil
    }

    /// Whether anything is known of a database.
    public func knows(_ catalog: CatalogID) -> Bool { knowledge(of: catalog) != nil }

    /// From now on a database is known like that.
    public mutating func learn(_ known: Knowledge?, of catalog: CatalogID) {
        guard catalog != .none else { return }
        while knowledge.count <= Int(catalog.rawValue) { knowledge.append(nil) }
        knowledge[Int(catalog.rawValue)] = known
    }

    /// What follows the name in a Parse message: text, NUL, parameter types.
    public func tail(_ reference: StatementReference) -> [UInt8] { entries[Int(reference.index)].tail }

    /// The text alone.
    func text(_ reference: StatementReference) -> [UInt8] {
        Array(entries[Int(reference.index)].tail.prefix(entries[Int(reference.index)].textLength))
    }

    /// The verdict on what a PREPARE prepares; nil: the text is none.
    func classificationOfPrepared(_ reference: StatementReference) -> Classification? {
        let position = Int(reference.index)
        guard case .prepare(let name, let statement) = entries[position].classification.command else { return nil }
        let text = Array(entries[position].tail[statement])
        let hasTypes = entries[position].tail[name.upperBound..<statement.lowerBound].contains(UInt8(ascii: "("))
        return Classifier.classify(
            text.span, settings: entries[position].key.lexer,
            knowledge: knowledge(of: entries[position].key.catalog), hasUserTypes: hasTypes)
    }

    /// Finds or adds a text and retains it.
    ///
    /// - Parameters:
    ///   - tail: what follows the name in the Parse message.
    ///   - textLength: bytes of the text within `tail`, without its NUL.
    ///   - key: a text under another key is another statement.
    public mutating func retain(
        tail: Span<UInt8>, textLength: Int, key wanted: ParsingKey
    ) -> StatementReference {
        var key = wanted
        if key.lexer != LexerSettings(), LexerSettings.doNotMatter(for: tail.extracting(0..<textLength)) {
            key.lexer = LexerSettings()
        }
        let salt = UInt64(key.profile.rawValue) | UInt64(key.variant &+ UInt32(bitPattern: key.catalog.rawValue)) << 32
        let hash = TextHash.hash(tail) ^ (salt &* 0x9e37_79b9_7f4a_7c15)
        var index = buckets[Int(truncatingIfNeeded: hash) & (buckets.count - 1)]
        while index >= 0 {
            let position = Int(index)
            if entries[position].hash == hash, entries[position].key == key,
                tail.matches(entries[position].tail, in: 0..<tail.count)
            {
                entries[position].references += 1
                return StatementReference(index: index)
            }
            index = entries[position].nextInBucket
        }
        return add(tail: tail, textLength: textLength, key: key, hash: hash)
    }

    /// A number for settings that nobody else is known to have; never 0.
    mutating func newVariant() -> UInt32 {
        lastVariant = lastVariant == .max ? 1 : lastVariant + 1
        return lastVariant
    }

    /// Gives a text that reads differently under the rules of `key` another entry, in exchange for the former.
    mutating func reread(_ reference: StatementReference, key: ParsingKey) -> StatementReference? {
        let text = tail(reference)
        guard let end = text.firstIndex(of: 0), entries[Int(reference.index)].key.lexer != key.lexer,
            !LexerSettings.doNotMatter(for: text.span.extracting(0..<end))
        else { return nil }
        let moved = retain(tail: text.span, textLength: end, key: key)
        release(reference)
        return moved
    }

    public mutating func retain(_ reference: StatementReference) {
        entries[Int(reference.index)].references += 1
    }

    public mutating func release(_ reference: StatementReference) {
        guard reference != .none else { return }
        precondition(entries[Int(reference.index)].references > 0, "A statement was released too often.")
        entries[Int(reference.index)].references -= 1
        let entry = entries[Int(reference.index)]
        if entry.references == 0, entry.tail.count > Self.cachedTextLimit { drop(reference.index) }
    }

    private mutating func add(
        tail: Span<UInt8>, textLength: Int, key: ParsingKey, hash: UInt64
    ) -> StatementReference {
        if count >= Self.cacheLimit { evictOne() }
        let entry = Entry(
            hash: hash, id: StatementID(rawValue: nextID), key: key, tail: [UInt8](copying: tail),
            textLength: textLength,
            classification: Classifier.classify(
                tail.extracting(0..<textLength), settings: key.lexer, knowledge: knowledge(of: key.catalog),
                hasUserTypes: tail.namesUserType(behind: textLength)),
            references: 1,
            nextInBucket: -1)
        nextID += 1
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            entries[Int(index)] = entry
        } else {
            index = Int32(entries.count)
            entries.append(entry)
        }
        link(index)
        if count > buckets.count { rehash() }
        return StatementReference(index: index)
    }

    private mutating func link(_ index: Int32) {
        let bucket = Int(truncatingIfNeeded: entries[Int(index)].hash) & (buckets.count - 1)
        entries[Int(index)].nextInBucket = buckets[bucket]
        buckets[bucket] = index
    }

    private mutating func rehash() {
        buckets = Array(repeating: -1, count: buckets.count * 2)
        let freed = Set(free)
        for index in entries.indices where !freed.contains(Int32(index)) { link(Int32(index)) }
    }

    /// Frees one unretained entry, if a bounded search finds one.
    private mutating func evictOne() {
        for _ in 0..<min(64, entries.count) {
            clockHand = (clockHand + 1) % entries.count
            guard entries[clockHand].references == 0, !entries[clockHand].tail.isEmpty else { continue }
            drop(Int32(clockHand))
            return
        }
    }

    private mutating func drop(_ index: Int32) {
        unlink(index)
        entries[Int(index)].tail = []
        free.append(index)
    }

    private mutating func unlink(_ index: Int32) {
        let bucket = Int(truncatingIfNeeded: entries[Int(index)].hash) & (buckets.count - 1)
        let next = entries[Int(index)].nextInBucket
        guard buckets[bucket] != index else {
            buckets[bucket] = next
            return
        }
        var walker = buckets[bucket]
        while walker >= 0 {
            let position = Int(walker)
            if entries[position].nextInBucket == index {
                entries[position].nextInBucket = next
                return
            }
            walker = entries[position].nextInBucket
        }
        preconditionFailure("A known text stands in its bucket.")
    }
}

extension Span<UInt8> {
    /// Whether the parameter types behind a text and its NUL contain one that does not come with PostgreSQL, whose own
    /// have numbers below 16384.
    fileprivate func namesUserType(behind textLength: Int) -> Bool {
        var position = textLength + 3
        while position + 4 <= count {
            if self[position] != 0 || self[position + 1] != 0 || self[position + 2] >= 0x40 { return true }
            position += 4
        }
        return false
    }
}
