// Which facts does one question bring, and how is the answer read?

import Routing

/// The question put to each node, and how its answer is read.
struct ProbeQuestion: Sendable {
    /// Answered with one row.
    let text: String
    /// The same for a primary whose log is to be flushed.
    let flushingText: String
    /// Reads the row, given as text, nil for NULL; nil when it is not what was asked for.
    let report: @Sendable ([String?]) -> ProbeReport?

    init(_ kind: ServerKind) {
        switch kind {
        case .postgreSQL:
            (text, flushingText) = (PostgreSQLQuestion.text, PostgreSQLQuestion.text + PostgreSQLQuestion.flush)
            report = PostgreSQLQuestion.report
        case .aurora:
            (text, flushingText) = (AuroraQuestion.text, AuroraQuestion.text)
            report = AuroraQuestion.report
        }
    }
}

/// Fit for PostgreSQL 14 and later, in recovery or not: a function that is refused in one of both states stands behind
/// a CASE.
enum PostgreSQLQuestion {
    /// The replay position is read before the timeline that is streamed: a standby only ever changes to a later
    /// timeline, so what it had replayed by then belongs to the one it names, or to an earlier one.
    static let text = """
        SELECT pg_is_in_recovery(), \
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END, \
        pg_last_wal_receive_lsn(), \
        (SELECT received_tli FROM pg_stat_wal_receiver WHERE status = 'streaming'), \
        (SELECT sender_host || ':' || sender_port FROM pg_stat_wal_receiver WHERE status = 'streaming'), \
        CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END, \
        CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END, \
        CASE WHEN NOT pg_is_in_recovery() THEN pg_walfile_name(pg_current_wal_lsn()) END, \
        greatest((SELECT timeline_id FROM pg_control_checkpoint()), \
        (SELECT min_recovery_end_timeline FROM pg_control_recovery())), \
        (SELECT system_identifier FROM pg_control_system()), \
        (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, \
        CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END, \
        host(inet_server_addr()) || ':' || inet_server_port(), \
        current_setting('server_version_num'), \
        current_setting('wal_block_size'), \
        pg_size_bytes(current_setting('wal_segment_size')), \
        pg_has_role('pg_read_all_stats', 'USAGE')
        """

    /// The commit of a transaction that has a number is flushed within `wal_writer_delay`, and all before it. It waits
    /// for no standby and is seen by no logical decoding, because nothing was written.
    static let flush = " WHERE CASE WHEN pg_is_in_recovery() THEN true ELSE txid_current() > 0 END"

    static let columnCount = 17

    @Sendable static func report(_ columns: [String?]) -> ProbeReport? {
        guard columns.count == columnCount, let isInRecovery = bool(columns[0]),
            let system = columns[9].flatMap({ Int64($0) }), let started = columns[10].flatMap({ Int64($0) })
        else { return nil }
        let streamed = columns[3].flatMap { UInt32($0) }
        return ProbeReport(
            isInRecovery: isInRecovery,
            insertLSN: isInRecovery ? nil : columns[5].flatMap { LSN($0) },
            flushLSN: isInRecovery ? nil : columns[6].flatMap { LSN($0) },
            replayLSN: isInRecovery ? columns[1].flatMap { LSN($0) } : nil,
            receiveLSN: isInRecovery ? columns[2].flatMap { LSN($0) } : nil,
            timeline: isInRecovery ? streamed : columns[7].flatMap(timeline),
            lowestTimeline: columns[8].flatMap { UInt32($0) } ?? 0,
            // A 64-bit number that SQL shows with a sign.
            systemIdentifier: UInt64(bitPattern: system),
            postmasterStartTime: started,
            isStreaming: isInRecovery && streamed != nil,
            sender: columns[4], serverAddress: columns[12],
            isReplayPaused: bool(columns[11]) ?? false,
            serverVersion: columns[13].flatMap { Int($0) } ?? 0,
            layout: WALLayout(
                pageSize: columns[14].flatMap { UInt64($0) } ?? 0,
                segmentSize: columns[15].flatMap { UInt64($0) } ?? 0),
            hasMonitorPrivilege: bool(columns[16]) ?? false)
    }

    /// A WAL file's name begins with eight hexadecimal digits of its timeline.
    private static func timeline(ofFile name: String) -> UInt32? { UInt32(name.prefix(8), radix: 16) }

    private static func bool(_ text: String?) -> Bool? { ProbeQuestion.bool(text) }
}

extension ProbeQuestion {
    fileprivate static func bool(_ text: String?) -> Bool? {
        switch text {
        case "t": true
        case "f": false
        default: nil
        }
    }
}

/// For Aurora, whose functions its documentation describes: Amazon Aurora User Guide, "Aurora PostgreSQL functions
/// reference". A replica's positions are not used: nothing says how old they are.
private enum AuroraQuestion {
    static let text = """
        SELECT pg_is_in_recovery(), \
        (SELECT durable_lsn FROM aurora_replica_status() WHERE session_id = 'MASTER_SESSION_ID' LIMIT 1), \
        (SELECT replica_lag_in_msec FROM aurora_replica_status() \
        WHERE server_id = aurora_db_instance_identifier() LIMIT 1), \
        (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, \
        host(inet_server_addr()) || ':' || inet_server_port(), \
        current_setting('server_version_num'), \
        pg_has_role('pg_read_all_stats', 'USAGE')
        """

    @Sendable static func report(_ columns: [String?]) -> ProbeReport? {
        guard columns.count == 7, let isInRecovery = ProbeQuestion.bool(columns[0]),
            let started = columns[3].flatMap({ Int64($0) })
        else { return nil }
        let durable = columns[1].flatMap { UInt64($0) }.map { LSN($0) }
        let lag = columns[2].flatMap { Double($0) }.map { UInt64(max($0, 0).rounded(.up)) * 1_000_000 }
        return ProbeReport(
            isInRecovery: isInRecovery, insertLSN: isInRecovery ? nil : durable,
            flushLSN: isInRecovery ? nil : durable, timeline: 1, lowestTimeline: 1, systemIdentifier: 1,
            postmasterStartTime: started, isStreaming: isInRecovery, serverAddress: columns[4],
            ownLag: isInRecovery ? lag : nil, serverVersion: columns[5].flatMap { Int($0) } ?? 0,
            hasMonitorPrivilege: ProbeQuestion.bool(columns[6]) ?? false)
    }
}
