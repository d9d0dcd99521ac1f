// How does the cluster look at this moment?

extension ClusterMachine {
    /// The picture for the workers.
    public func snapshot(at now: UInt64) -> Topology {
        Topology(
            generation: generation, nodes: records.map { status($0, at: now) }, primary: primary,
            newestSample: history.newest?.number ?? 0, position: position, lostWrites: lostWrites,
            takenAt: now)
    }

    private var position: SampledPosition? {
        guard let reign, let systemIdentifier else { return nil }
        return SampledPosition(
            systemIdentifier: systemIdentifier, timeline: reign.timeline, sample: history.newest?.number ?? 0,
            lsn: history.newest?.lsn ?? LSN(0))
    }

    private func status(_ record: NodeRecord, at now: UInt64) -> NodeStatus {
        let role = role(record)
        let reason = role == .primary ? nil : ineligibility(record, at: now)
        return NodeStatus(
            id: record.definition.id, address: record.definition.address, weight: record.definition.weight,
            share: share(record, at: now), health: health(record), isNear: record.definition.isNear,
            role: role, isUp: record.isUp, isEligibleReplica: role == .replica && reason == nil,
            ineligibleReason: reason, coveredSample: role == .replica ? record.coveredSample : 0,
            coverageBegan: record.probeSentAt, lagNanoseconds: role == .replica ? lag(record, at: now) : nil,
            timeline: record.timeline, lsn: record.report?.insertLSN ?? record.report?.replayLSN ?? LSN(0),
            incarnation: record.incarnation, isReplayPaused: record.report?.isReplayPaused ?? false,
            serverVersion: record.report?.serverVersion ?? 0,
            postmasterStartTime: record.report?.postmasterStartTime ?? 0)
    }

    /// A late answer takes more than this part of the time that it may take.
    private static let lateFraction: UInt64 = 4

    private func health(_ record: NodeRecord) -> NodeHealth {
        guard record.isUp else { return .down }
        let took = age(of: record.probeSentAt, at: record.answeredAt)
        return took > settings.probeTimeout.clampedNanoseconds / Self.lateFraction ? .slow : .healthy
    }

    /// A node that has just come up has cold caches: its share grows with time.
    private func share(_ record: NodeRecord, at now: UInt64) -> Int {
        var share = UInt64(record.definition.weight * NodeStatus.fullShare)
        if health(record) == .slow { share /= 4 }
        let slowStart = settings.slowStart.clampedNanoseconds
        let elapsed = age(of: record.lifeSeenAt, at: now)
        // A weight is at most a few thousand, and this time a few hours: the product stays within a word.
        if record.isUp, elapsed < slowStart { share = share * (elapsed / 1_000) / max(slowStart / 1_000, 1) }
        return max(Int(share), 1)
    }

    private func role(_ record: NodeRecord) -> Role {
        guard record.isUp, !record.isForeign, let report = record.report else { return .unknown }
        if report.isInRecovery { return .replica }
        if record.definition.id == primary { return .primary }
        return record.isFenced || contested.contains(record.definition.id) ? .fenced : .unknown
    }

    private func ineligibility(_ record: NodeRecord, at now: UInt64) -> IneligibleReason? {
        if record.isRemoved { return .removed }
        if let failure = record.failure { return .failed(failure) }
        guard let report = record.report else { return .notProbedYet }
        if record.isForeign { return .foreignSystem }
        guard report.isInRecovery else { return .fenced }
        if now > record.answeredAt, now - record.answeredAt > overdueAfter { return .probeOverdue }
        if record.isDrained { return .drained }
        if !record.definition.isBalanced { return .notBalanced }
        if !report.hasMonitorPrivilege { return .missingPrivilege }
        guard let reign else { return nil }
        guard record.timeline == reign.timeline else { return .otherTimeline }
        return isProven(record) ? nil : .lineageUnproven
    }

    /// Age of a replica's data: 0 when it has all that the primary had a moment ago.
    ///
    /// While no primary is known nothing new can be committed, so the age stands still, for a while: then something
    /// else must be wrong, and the age is what it is.
    private func lag(_ record: NodeRecord, at now: UInt64) -> UInt64? {
        if let own = record.report?.ownLag { return own + age(of: record.probeSentAt, at: now) }
        guard let completeAsOf = record.completeAsOf else { return nil }
        let newest = history.newest
        if primary == nil, age(of: primaryLostAt, at: now) <= settings.failoverWait.clampedNanoseconds {
            return record.hasNewest ? 0 : age(of: completeAsOf, at: newest?.sentAt ?? primaryLostAt)
        }
        if record.hasNewest, let newest, age(of: newest.sentAt, at: now) <= freshFor { return 0 }
        return age(of: completeAsOf, at: now)
    }

    private func age(of instant: UInt64, at now: UInt64) -> UInt64 { now > instant ? now - instant : 0 }

    /// A sample is fresh until the one after the next is due.
    private var freshFor: UInt64 { 2 * settings.probeInterval.clampedNanoseconds }

    private var overdueAfter: UInt64 {
        2 * settings.probeInterval.clampedNanoseconds + settings.probeTimeout.clampedNanoseconds
    }
}
