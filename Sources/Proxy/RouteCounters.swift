// How many batches went where, for which reason, and which objects kept reads off the replicas?

import Routing
import SQL
import Sessions

/// What one worker has counted since its start. It belongs to the worker; readers get copies.
struct RouteCounters: Equatable, Sendable {
    /// Objects beyond this many are counted together.
    static let objectLimit = 512

    /// Where a batch went.
    enum Place: Int, CaseIterable {
        case primary, replica
    }

    struct ObjectKey: Hashable {
        /// The number of the pools, which tells the database.
        var group: Int
        var object: DecisiveObject
    }

    /// By reason and place.
    private var counts = [UInt64](repeating: 0, count: RouteReason.allCases.count * Place.allCases.count)
    private(set) var objects: [ObjectKey: UInt64] = [:]
    private(set) var otherObjects: UInt64 = 0
    /// How often a session was pinned, by the reasons.
    private(set) var pins: [PinReasons: UInt64] = [:]
    /// Something was counted that no reader has got.
    var isNew = false

    subscript(reason: RouteReason, place: Place) -> UInt64 {
        counts[Int(reason.rawValue) * Place.allCases.count + place.rawValue]
    }

    @inline(__always)
    mutating func count(_ reason: RouteReason, _ place: Place) {
        counts[Int(reason.rawValue) * Place.allCases.count + place.rawValue] &+= 1
        isNew = true
    }

    mutating func count(_ object: DecisiveObject, group: Int, times: UInt64 = 1) {
        let key = ObjectKey(group: group, object: object)
        if let known = objects[key] {
            objects[key] = known &+ times
        } else if objects.count < Self.objectLimit {
            objects[key] = times
        } else {
            otherObjects &+= times
        }
    }

    mutating func count(_ reasons: PinReasons) {
        pins[reasons, default: 0] &+= 1
        isNew = true
    }

    /// Becomes a copy that shares as little memory as possible: the owner goes on counting in its own.
    mutating func copy(_ other: RouteCounters) {
        for index in counts.indices { counts[index] = other.counts[index] }
        objects = other.objects
        otherObjects = other.otherObjects
        pins = other.pins
    }

    /// Adds what another worker has counted.
    mutating func add(_ other: RouteCounters) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        for (key, times) in other.objects { count(key.object, group: key.group, times: times) }
        otherObjects &+= other.otherObjects
        for (reasons, times) in other.pins { pins[reasons, default: 0] &+= times }
    }
}

extension RouteCounters {
    /// The rows of SHOW ROUTES: first the reasons, then the objects, each by how often they were met.
    func rows(databaseOfGroup: (Int) -> String) -> [[String?]] {
        var reasons: [(count: UInt64, row: [String?])] = []
        for reason in RouteReason.allCases {
            for place in Place.allCases where self[reason, place] > 0 {
                let count = self[reason, place]
                reasons.append((count, ["\(place)", "\(reason)", nil, nil, "\(count)", reason.remark]))
            }
        }
        var named: [ObjectRow: UInt64] = [:]
        for (key, count) in objects {
            named[ObjectRow(database: databaseOfGroup(key.group), object: key.object), default: 0] += count
        }
        let objects = named.map { row, count in
            let name = String(decoding: row.object.name, as: UTF8.self)
            let note = row.object.note
            return (count: count, row: ["primary", note.sentence, name, row.database, "\(count)", note.remark])
        }
        var rows = (Self.sorted(reasons) + Self.sorted(objects))
        if otherObjects > 0 {
            let reason = "more than \(Self.objectLimit) different objects"
            rows.append(["primary", reason, nil, nil, "\(otherObjects)", nil])
        }
        let pins: [(count: UInt64, row: [String?])] = pins.map { reasons, count in
            (count, ["pinned", "\(reasons)", nil, nil, "\(count)", Self.pinRemark])
        }
        return rows + Self.sorted(pins)
    }

    private struct ObjectRow: Hashable {
        var database: String
        var object: DecisiveObject
    }

    private static let pinRemark = "sessions that stay on the primary from then on, with all their reads"

    private static func sorted(_ rows: [(count: UInt64, row: [String?])]) -> [[String?]] {
        rows.sorted { ($1.count, $0.row[2] ?? "") < ($0.count, $1.row[2] ?? "") }.map(\.row)
    }
}

extension RouteReason {
    /// What an operator may do about it.
    var remark: String? {
        switch self {
        case .advised: "would go to a replica with routing.mode = 'split'"
        case .transactionControl: "a transaction that only reads can go to a replica when it is declared READ ONLY"
        case .consistencyPrimary: "would be balanced with another consistency"
        case .noReplicaUp, .replicasExcluded: "SHOW NODES tells why"
        case .replicasTooOld: "would be balanced with a higher max_lag, or faster replicas"
        case .floorNotCovered: "would wait for a replica with after_write = 'wait'"
        case .refusedByReplica, .learned: "the log tells which refusal taught it"
        case .tooLargeToRepeat: "would be balanced with a higher max_buffered_batch"
        case .replicaSafe, .replicaCoversFloor, .readerPort, .write, .lockedRead, .primaryOnlyRead, .sessionState,
            .writerPort, .replicaReadBefore, .primaryTakesShare, .notOnReaderPort:
            nil
        }
    }
}

extension StaticReason {
    /// What an operator may do about an object that objects for this reason.
    var remark: String? {
        switch self {
        case .volatileFunction: "would be balanced if declared STABLE, which it may be if it writes nothing"
        case .unknownFunction: "would be balanced if the catalog showed it to be harmless; does it exist?"
        case .opaqueFunction: "would be balanced if written in SQL or PL/pgSQL without EXECUTE"
        case .reachingFunction, .reachingRelation, .reachingOperator, .reachingType:
            "would be balanced if what it reaches were declared STABLE"
        case .attributeCall: "would be balanced if the column had another name than the function"
        case .outdatedKnowledge: "for as long as the catalog is being read again"
        case .unloggedTable: "would be balanced if the table were LOGGED"
        case .nodeFunction, .nodeRelation, .nodeSetting: "may run on a replica with pointsman.role = 'replica'"
        case .empty, .readsOnly, .transaction, .savepoint, .setting, .localSetting, .discard, .listen, .load,
            .sqlPrepare, .sqlExecute, .deallocate, .heldCursor, .cursor, .temporaryObject, .settingsView,
            .dataModification, .selectInto, .definition, .maintenance, .copyFrom, .copyToFile, .notification,
            .anonymousCode, .call, .tableLock, .rowLock, .writingFunction, .sqlFromText, .administration,
            .dynamicSetting, .snapshot, .obscuredName, .advisoryLock, .advisoryUnlock, .seed, .functionSetting,
            .functionLocalSetting, .sequenceMemory, .foreignTable, .sequenceRelation, .implicitCall, .routerSetting,
            .routeExplanation, .nestedTooDeep, .unbalanced, .unterminated, .encoding, .unknownStatement:
            nil
        }
    }
}
