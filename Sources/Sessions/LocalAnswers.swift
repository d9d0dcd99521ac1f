// Which batches can be answered without a server, and how?

import SQL
import Wire

/// The answer to a batch that no server sees.
struct LocalAnswer {
    /// Of the batch's command; empty for an empty query, nil when nothing is executed.
    var tag: String?
    /// The names of the result's columns, all of type text; none: there is no result.
    var columns: [String] = []
    var rows: [[String]] = []
    /// Told ahead of the rest.
    var notice: ErrorFields?
}

extension ClientSession {
    /// Whether the attached server must owe nothing before the batch is looked at: it may be answered here.
    var needsQuietAnswer: Bool {
        guard batch.kind != .none, !batch.hasSeveralCommands, !batch.isOpenEnded else { return false }
        if case .deallocate = batch.command { return true }
        return batch.speaksToRouter
    }

    /// Answers a batch that no server need see.
    ///
    /// - Parameter status: the attached server's transaction status; nil while there is none.
    /// - Returns: false when a server is needed.
    mutating func answerLocally(
        _ input: Span<UInt8>, at offset: inout Int, status: TransactionStatus?, table: inout StatementTable,
        toClient: inout Outbox
    ) -> Bool {
        guard !batch.hasSeveralCommands, !batch.isOpenEnded, !batch.namesUnknownStatement, !batch.isUnreadable,
            !batch.reusesName, !batch.usesOtherPortal
        else { return false }
        switch batch.kind {
        case .none, .functionCall: return false
        case .query: break
        case .extended:
            if batch.speaksToRouter { break }
            if batch.command == nil {
                guard batch.executes == 0, status == nil, !describesAnything(input, at: offset) else { return false }
                reply(LocalAnswer(), input, at: &offset, status: status, table: &table, toClient: &toClient)
                return true
            }
            guard batch.executes == 1, !batch.effects.isEmpty || batch.isEmptyText else { return false }
        }
        if let answer = answerOfRouter(input, at: offset, status: status, table: table) {
            reply(answer, input, at: &offset, status: status, table: &table, toClient: &toClient)
            return true
        }
        guard let tag = localTag(input, at: offset, status: status, table: &table) else { return false }
        reply(LocalAnswer(tag: tag), input, at: &offset, status: status, table: &table, toClient: &toClient)
        return true
    }

    /// Carries a command out and returns its tag; an empty tag is an empty query's answer.
    private mutating func localTag(
        _ input: Span<UInt8>, at offset: Int, status: TransactionStatus?, table: inout StatementTable
    ) -> String? {
        guard let command = batch.command else { return nil }
        if case .deallocate(let name) = command {
            guard let text = commandText(input, at: offset, table: table) else { return nil }
            let known = deallocate(Identifier.value(of: text.span.extracting(name)), table: &table)
            return known ? "DEALLOCATE" : nil
        }
        guard status == nil else { return nil }
        return tagWithoutServer(command)
    }

    /// The tag of a command that needs no server, which changes the transaction only.
    mutating func tagWithoutServer(_ command: Command) -> String? {
        switch transaction {
        case .none: return tagOutsideTransaction(command)
        case .lazy(let modes): return tagInLazyTransaction(command, modes)
        case .open, .failedWithoutServer: return nil
        }
    }

    private mutating func tagOutsideTransaction(_ command: Command) -> String? {
        switch command {
        case .empty: return ""
        case .begin(let modes):
            guard settings.lazyBegin else { return nil }
            if listener == .reader {
                guard modes.readOnly != false, modes.isolation != .serializable else { return nil }
            }
            transaction = .lazy(modes)
            hasSplit = false
            bringsSnapshot = false
            return batch.saysStart == true ? "START TRANSACTION" : "BEGIN"
        case .deallocateAll: return "DEALLOCATE ALL"
        case .discardAll:
            resetRouterSettings()
            returnToInitialProfile()
            return "DISCARD ALL"
        case .discardPlans: return "DISCARD PLANS"
        case .discardSequences: return "DISCARD SEQUENCES"
        case .discardTemp: return "DISCARD TEMP"
        case .resetAll:
            // A role and a session authorization stay.
            guard former == nil else { return nil }
            resetRouterSettings()
            return "RESET"
        case .unlistenAll: return "UNLISTEN"
        case .closeAll: return "CLOSE CURSOR ALL"
        case .commit, .rollback, .savepoint, .rollbackTo, .release, .prepareTransaction, .commitPrepared,
            .rollbackPrepared, .setTransaction, .sessionCharacteristics, .deallocate, .show, .set, .reset, .setConfig,
            .explain, .explainRoute, .select, .copy, .prepare, .execute, .other:
            return nil
        }
    }

    private mutating func tagInLazyTransaction(_ command: Command, _ modes: TransactionModes) -> String? {
        switch command {
        case .empty: return ""
        case .commit(let chain):
            endRouterTransaction(commits: true)
            bringsSnapshot = false
            transaction = chain ? .lazy(modes) : .none
            return "COMMIT"
        case .rollback(let chain):
            endRouterTransaction(commits: false)
            bringsSnapshot = false
            transaction = chain ? .lazy(modes) : .none
            return "ROLLBACK"
        case .setTransaction(let changed):
            if listener == .reader, changed.readOnly == false || changed.isolation == .serializable { return nil }
            transaction = .lazy(modes.changed(by: changed))
            return "SET"
        case .deallocateAll: return "DEALLOCATE ALL"
        case .begin, .savepoint, .rollbackTo, .release, .prepareTransaction, .commitPrepared, .rollbackPrepared,
            .sessionCharacteristics, .deallocate, .discardAll, .discardPlans, .discardSequences, .discardTemp,
            .resetAll, .unlistenAll, .closeAll, .show, .set, .reset, .setConfig, .explain, .explainRoute, .select,
            .copy, .prepare, .execute, .other:
            return nil
        }
    }

    /// The text that the batch's only command was read from.
    func commandText(_ input: Span<UInt8>, at offset: Int, table: borrowing StatementTable) -> [UInt8]? {
        switch batch.kind {
        case .query:
            return [UInt8](copying: input.extracting(offset + FrameHeader.byteCount..<input.count))
        case .extended:
            var walker = offset
            while walker < offset + batch.scanned {
                guard case .frame(let header) = FrameScanner.scan(input, at: walker) else { return nil }
                if header.type == Frontend.bind,
                    case .head(let view) = BindView.scan(input, at: walker, totalLength: header.totalLength)
                {
                    if let parsed = batch.parsed.last { return table.tail(parsed.reference) }
                    return statement(named: view.statement, input).map { table.tail($0.reference) }
                }
                let frame = walker..<walker + header.totalLength
                if header.type == Frontend.describe, batch.parsed.isEmpty, let view = ObjectView(input, frame: frame),
                    view.kind == .statement, let known = statement(named: view.name, input)
                {
                    return table.tail(known.reference)
                }
                walker += header.totalLength
            }
            return batch.parsed.last.map { table.tail($0.reference) }
        case .none, .functionCall:
            return nil
        }
    }

    private func describesAnything(_ input: Span<UInt8>, at offset: Int) -> Bool {
        var walker = offset
        while walker < offset + batch.scanned {
            guard case .frame(let header) = FrameScanner.scan(input, at: walker) else { return true }
            if header.type == Frontend.describe { return true }
            walker += header.totalLength
        }
        return false
    }

    /// Writes the answers to every message of the batch and consumes it.
    ///
    mutating func reply(
        _ answer: LocalAnswer, _ input: Span<UInt8>, at offset: inout Int, status: TransactionStatus?,
        table: inout StatementTable, toClient: inout Outbox
    ) {
        let end = batch.kind == .query ? offset + 1 : offset + batch.scanned
        while offset < end {
            guard case .frame(let header) = FrameScanner.scan(input, at: offset) else {
                preconditionFailure("A scanned batch has whole headers.")
            }
            let frame = offset..<offset + header.totalLength
            switch header.type {
            case Frontend.query:
                dropUnnamed(table: &table)
                writeColumns(answer, toClient: &toClient)
                writeResult(answer, table: &table, toClient: &toClient)
                writeReady(status, toClient: &toClient)
            case Frontend.parse: replyToParse(input, frame, table: &table, toClient: &toClient)
            case Frontend.bind: toClient.write { $0.appendMessage(Backend.bindComplete) }
            case Frontend.describe: replyToDescribe(answer, input, frame, toClient: &toClient)
            case Frontend.execute: writeResult(answer, table: &table, toClient: &toClient)
            case Frontend.close: replyToClose(input, frame, table: &table, toClient: &toClient)
            case Frontend.sync: writeReady(status, toClient: &toClient)
            default: break
            }
            offset += header.totalLength
        }
        batch.reset(table: &table)
    }

    private func writeColumns(_ answer: LocalAnswer, toClient: inout Outbox) {
        guard !answer.columns.isEmpty else { return }
        toClient.write { $0.appendTextColumns(answer.columns) }
    }

    private mutating func writeResult(
        _ answer: LocalAnswer, table: inout StatementTable, toClient: inout Outbox
    ) {
        guard let tag = answer.tag else { return }
        toClient.write { out in
            if let notice = answer.notice { out.append(contentsOf: notice.encoded) }
            for row in answer.rows { out.appendTextRow(row) }
        }
        if batch.command == .deallocateAll || batch.command == .discardAll { forgetNames(table: &table) }
        if batch.command == .discardAll { tellAsAtStart(toClient: &toClient) }
        toClient.write { out in
            if tag.isEmpty { out.appendMessage(Backend.emptyQueryResponse) } else { out.appendCommandComplete(tag) }
        }
    }

    private func writeReady(_ status: TransactionStatus?, toClient: inout Outbox) {
        let status = status ?? detachedStatus
        toClient.write { $0.appendReadyForQuery(status) }
    }

    private mutating func replyToParse(
        _ input: Span<UInt8>, _ frame: Range<Int>, table: inout StatementTable, toClient: inout Outbox
    ) {
        guard let view = ParseView(input, frame: frame) else { preconditionFailure("A scanned Parse is well formed.") }
        let reference = batch.parsed[batch.translated].reference
        batch.translated += 1
        let name = input.bytes(in: view.name)
        if !name.isEmpty, let known = names.remove(name) { table.release(known.reference) }
        let statement = PreparedStatement(reference: reference, id: table.id(reference), toldShape: .noRows)
        changes.append(StatementChange(name: name, statement: statement, batch: batchNumber))
        confirmChange(table: &table)
        toClient.write { $0.appendMessage(Backend.parseComplete) }
    }

    private func replyToDescribe(
        _ answer: LocalAnswer, _ input: Span<UInt8>, _ frame: Range<Int>, toClient: inout Outbox
    ) {
        toClient.write { out in
            if ObjectView(input, frame: frame)?.kind == .statement {
                out.appendMessage(Backend.parameterDescription, body: [0, 0])
            }
            if answer.columns.isEmpty { out.appendMessage(Backend.noData) }
        }
        writeColumns(answer, toClient: &toClient)
    }

    private mutating func replyToClose(
        _ input: Span<UInt8>, _ frame: Range<Int>, table: inout StatementTable, toClient: inout Outbox
    ) {
        if let view = ObjectView(input, frame: frame), view.kind == .statement {
            changes.append(StatementChange(name: input.bytes(in: view.name), statement: nil, batch: batchNumber))
            confirmChange(table: &table)
        }
        toClient.write { $0.appendMessage(Backend.closeComplete) }
    }

    /// Drops a refused batch's messages; nil when its end was reached and answered.
    mutating func dropUntilSync(_ input: Span<UInt8>, at offset: inout Int, toClient: inout Outbox) -> Step? {
        while dropsUntilSync {
            guard bodyRemaining == 0 else { return nil }
            switch FrameScanner.scan(input, at: offset) {
            case .needMore: return .needInput
            case .malformed: return .close(.malformedMessage)
            case .frame(let header):
                if header.type == Frontend.terminate { return .close(nil) }
                if header.type == Frontend.sync {
                    dropsUntilSync = false
                    writeReady(nil, toClient: &toClient)
                }
                skipFrame(header, input, at: &offset)
            }
        }
        return nil
    }
}
