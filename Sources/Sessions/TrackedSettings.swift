// Which settings has the session changed, and how do they follow it to another server?

import SQL
import Wire

/// What a server says of one setting.
public struct InspectedSetting: Equatable, Sendable {
    /// In lower case.
    public var name: String
    /// nil: there is no such setting.
    public var value: String?
    /// It has its value from the session, not from the start of the connection, role, database or server.
    public var isSet: Bool

    public init(name: String, value: String?, isSet: Bool) {
        self.name = name
        self.value = value
        self.isSet = isSet
    }

    /// A row of the answer to ``ClientSession/inspection(of:state:)``. Of those that `pg_settings` does not show, only
    /// a role has a value that means none.
    init(row: [String?]) {
        name = row.first.flatMap { $0 } ?? ""
        value = row.count > 1 ? row[1] : nil
        if let source = row.count > 2 ? row[2] : nil {
            isSet = source == "session"
        } else {
            isSet = value != nil && !(name == "role" && value == "none")
        }
    }
}

/// On the heap, because hardly any session changes its settings.
indirect enum FormerProfile: Sendable {
    case profile(SettingsProfile)
}

extension Classification {
    /// Why the session must keep its server once the statement has run. Who asks for `lastval` keeps the server from
    /// the next write on; settings that are named follow the session.
    var reasonsToPin: PinReasons {
        let pins = pins.subtracting(.sequence)
        return changesNamedSettings ? pins.subtracting(.setting) : pins
    }

    /// The text is one statement that changes settings for the session and names them, or may reset all.
    var changesNamedSettings: Bool {
        if statementCount > 1 { return mayResetAll }
        return switch command {
        case .set(name: _, value: _, let isLocal): !isLocal && effects.contains(.sessionState) && !pins.contains(.seed)
        case .reset, .setConfig, .sessionCharacteristics, .resetAll: effects.contains(.sessionState)
        case .begin, .commit, .rollback, .empty, .savepoint, .rollbackTo, .release, .prepareTransaction,
            .commitPrepared, .rollbackPrepared, .setTransaction, .deallocate, .deallocateAll, .discardAll,
            .discardPlans, .discardSequences, .discardTemp, .unlistenAll, .closeAll, .show, .explain,
            .explainRoute, .select, .copy, .prepare, .execute, .other:
            false
        }
    }

    /// The statement leaves something on the server that does not follow the session, or cannot be told from that.
    var leavesTraces: Bool { effects.contains(.sessionState) && (statementCount > 1 || !changesNamedSettings) }

    /// The text resets all settings, or does so among other statements, none of which sets one.
    var mayResetAll: Bool {
        if case .resetAll = command { return true }
        return statementCount > 1 && effects.isSuperset(of: [.sessionState, .parsing]) && !pins.contains(.setting)
    }
}

extension ClientSession {
    /// What the client brought at its start.
    public var initialProfile: SettingsProfile {
        switch former {
        case .profile(let profile): profile
        case nil: profile
        }
    }

    /// The server must be asked what the session has changed before it may leave it.
    var hasTouchedSettings: Bool { !touched.isEmpty || touchesAll }

    /// The settings to ask for: those that were named, and all that the session has if any may have been changed.
    public func settingsToInspect(in table: borrowing ProfileTable) -> [String] {
        guard touchesAll || stateQuestion.contains(.settings) else { return touched }
        let own = table.parameters(of: profile.id).map(\.name) + table.parameters(of: initialProfile.id).map(\.name)
        return Array(Set(touched + own)).sorted()
    }

    /// Asks the server for settings, and for whatever else there is to ask for.
    public mutating func inspect(_ names: [String], on server: inout ServerSession, toServer: inout Outbox) {
        server.askForRows(Self.inspection(of: names, state: stateQuestion), toServer: &toServer)
        awaiting = .inspection
    }

    /// What the server has said since the last call.
    public mutating func takeInspected() -> InspectedState? {
        guard case .state(let found) = inspected else { return nil }
        inspected = nil
        return found
    }

    /// The session has other settings, which the attached server has, too.
    public mutating func adopt(_ changed: SettingsProfile, table: inout StatementTable) {
        forgetTouches()
        let isReadOtherwise = changed.parsing != profile.parsing
        if changed.id == initialProfile.id {
            returnToInitialProfile()
        } else {
            if former == nil { former = .profile(profile) }
            profile = changed
        }
        if isReadOtherwise { readNamesAgain(table: &table) }
    }

    /// DISCARD ALL.
    mutating func returnToInitialProfile() {
        profile = initialProfile
        former = nil
    }

    mutating func forgetTouches() {
        touched = []
        touchesAll = false
        inspected = nil
    }

    /// Whether a change of settings can follow the session. The texts of its prepared statements mean what they meant
    /// when they were prepared: where that may be something else now, it has to stay.
    func mayTouch(_ classification: Classification) -> Bool {
        guard !pins.contains(.setting), mayKeepState else { return false }
        if names.count == 0 || !classification.effects.contains(.parsing) { return true }
        // They were read by the settings that are brought back.
        return classification.mayResetAll && touched.isEmpty && profile.parsing == SettingsProfile.base.parsing
    }

    /// The server reports a setting. Where nothing was sent that is known to set one, code that is not known has done
    /// it: whatever else that has set, the server is cleared before others get it.
    mutating func noteReport(_ name: String) {
        let isExpected = hasTouchedSettings || hasLocalSettings || isPinned || awaiting != nil
        if !isExpected, name != "in_hot_standby" { hasLeftTraces = true }
    }

    /// Remembers what a statement that is about to run may change.
    mutating func noteTouched(_ classification: Classification, _ text: Span<UInt8>) {
        guard classification.changesNamedSettings, mayTouch(classification) else { return }
        switch classification.command {
        case .set(let name, _, _), .reset(let name), .setConfig(let name, _):
            touch(String(decoding: Identifier.settingName(of: text.extracting(name)), as: UTF8.self))
        case .sessionCharacteristics:
            for name in ["isolation", "read_only", "deferrable"] { touch("default_transaction_" + name) }
        default:
            // Without settings of its own there is nothing that it could lose.
            if profile.id != .base || !touched.isEmpty { touchesAll = true }
        }
    }

    private mutating func touch(_ name: String) {
        if !touched.contains(name) { touched.append(name) }
        // Whoever the session runs for has no role at first.
        if name == "session_authorization" { touch("role") }
    }
}

extension ProfileTable {
    /// What follows from the settings that a server was asked for, which had the profile of a session.
    ///
    /// - Returns: the new profile of the session and that of its server, which lacks what the client brought and the
    ///   session has reset. Both are retained.
    public mutating func retain(
        _ inspected: [InspectedSetting], after profile: ProfileID, initial: ProfileID
    ) -> (session: SettingsProfile, server: SettingsProfile) {
        let names = Set(inspected.map(\.name))
        let kept = parameters(of: profile).filter { !names.contains($0.name) }
        let found = inspected.compactMap { setting in
            setting.isSet ? setting.value.map { StartupParameter(setting.name, $0) } : nil
        }
        let lost = parameters(of: initial).filter { brought in
            names.contains(brought.name) && !found.contains { $0.name == brought.name }
        }
        return (retain(kept + found + lost), retain(kept + found))
    }
}
