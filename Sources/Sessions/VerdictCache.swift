// What did a text say that has just been read and comes again?

import SQL
import Wire

/// Verdicts on texts of simple Queries. A text is kept when it comes for the second time, so that texts which differ
/// each time (their literals do) cost no memory, and push nothing out.
struct VerdictCache: Sendable {
    /// By the hash of the text; one that falls on another takes its place.
    static let slotCount = 1_024
    /// Longer texts are read each time.
    static let textLimit = 4_096

    private struct Entry: Sendable {
        var catalog: CatalogID
        var lexer: LexerSettings
        var text: [UInt8]
        var classification: Classification
    }

    private var entries: [Entry?] = []
    /// The hashes of the texts that came last, by the same places.
    private var met = [UInt32](repeating: 0, count: slotCount)

    /// How many texts are kept.
    var count: Int { entries.count { $0 != nil } }

    /// Where the text stands, if it does, and its hash; nil: it is too long.
    @inline(__always)
    private static func place(of text: Span<UInt8>, _ catalog: CatalogID) -> (slot: Int, hash: UInt32)? {
        guard text.count <= textLimit else { return nil }
        // In another database a text has a place of its own.
        let hash = TextHash.hash(text) ^ UInt64(UInt32(bitPattern: catalog.rawValue)) &* 0x9e37_79b9_7f4a_7c15
        return (Int(truncatingIfNeeded: hash) & (slotCount - 1), UInt32(truncatingIfNeeded: hash >> 32))
    }

    /// The verdict on a text by these rules and this knowledge, as the classifier gives it.
    mutating func verdict(
        on text: Span<UInt8>, settings: LexerSettings, catalog: CatalogID, knowledge: Knowledge?
    ) -> Classification {
        let place = Self.place(of: text, catalog)
        let isMet = place.map { met[$0.slot] == $0.hash } ?? false
        if isMet, let slot = place?.slot, slot < entries.count, let entry = entries[slot], entry.catalog == catalog,
            entry.lexer == settings, entry.classification.generation == knowledge?.generation ?? 0,
            text.matches(entry.text, in: text.indices)
        {
            return entry.classification
        }
        let classification = Classifier.classify(text, settings: settings, knowledge: knowledge)
        guard let (slot, hash) = place else { return classification }
        guard isMet else {
            met[slot] = hash
            return classification
        }
        if entries.isEmpty { entries = Array(repeating: nil, count: Self.slotCount) }
        entries[slot] = Entry(
            catalog: catalog, lexer: settings, text: [UInt8](copying: text), classification: classification)
        return classification
    }
}
