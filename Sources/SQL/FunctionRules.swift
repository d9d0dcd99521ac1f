// What does a call of a function by this name mean for the statement?

extension StatementReader {
    /// Notes what the call does and tells what its parentheses are.
    @discardableResult
    mutating func noteCall(_ text: Span<UInt8>, _ name: Token, parts: Int, qualifier: Token) -> FrameKind {
        let hash = PlainName(name).hash(text)
        let isInCatalog = hasCatalog && noteCatalogFunction(text, name, hash, parts: parts, qualifier: qualifier)
        let functionClass = Self.functionClass(text, name, hash, parts: parts, qualifier: qualifier)
        // A function of users may have got the name a moment ago.
        if isOutdated, parts == 1, functionClass != .unknown { noteOutdated(name.range) }
        switch functionClass {
        case .safe:
            break
        case .unknown where isInCatalog:
            break
        case .setConfig:
            return .setConfig
        case .currentSetting:
            query.pending.insert(.settingName)
        default:
            noteBuiltin(functionClass, name.range)
        }
        return .call
    }

    /// Notes what a built-in function does, whatever its arguments.
    mutating func noteBuiltin(_ functionClass: FunctionClass, _ place: Range<Int>) {
        switch functionClass {
        case .safe:
            break
        case .unknown:
            note([.mayWrite, .hiddenCode], pins: .hiddenCode, place, .unknownFunction, by: .unknownFunction)
        case .write:
            note(.mayWrite, place, .writingFunction, by: .builtinFunction)
        case .plannedWrite:
            note(
                isPlanned ? [.mayWrite, .primaryOnly, .notOnReplica] : .mayWrite, place, .writingFunction,
                by: .builtinFunction)
        case .primaryOnly:
            note(.primaryOnly, place, .nodeFunction, by: .builtinFunction)
        case .primaryPosition:
            note([.primaryOnly, .notOnReplica], place, .nodeFunction, by: .builtinFunction)
        case .advisoryXact:
            note([.primaryOnly, .notOnReplica], place, .advisoryLock, by: .builtinFunction)
        case .advisorySession:
            note(.sessionState, pins: .advisoryLock, place, .advisoryLock, by: .builtinFunction)
        case .advisoryUnlock:
            note(.sessionState, place, .advisoryUnlock, by: .builtinFunction)
        case .setSeed:
            note(.sessionState, pins: .seed, place, .seed, by: .builtinFunction)
        case .setConfig:
            note([.sessionState, .lexing, .parsing], pins: .setting, place, .functionSetting, by: .builtinFunction)
        case .currentSetting:
            note(.primaryOnly, place, .dynamicSetting, by: .setting)
        case .backendState:
            note([.sessionState, .mayWrite], pins: .backendState, place, .administration, by: .builtinFunction)
        case .sequenceState:
            note([.sequenceState, .primaryOnly], pins: .sequence, place, .sequenceMemory, by: .builtinFunction)
        case .sqlFromText:
            note([.mayWrite, .hiddenCode], pins: .hiddenCode, place, .sqlFromText, by: .builtinFunction)
        case .typeInput:
            noteUnnamedType(place)
        case .nodeAddress:
            note(.nodeAddress, place, .readsOnly, by: .builtinFunction)
        case .adminWrite:
            note([.mayWrite, .notOnReplica], place, .administration, by: .builtinFunction)
        case .endsBackend:
            note([.mayWrite, .endsBackend], place, .administration, by: .builtinFunction)
        }
    }

    /// Looks a name up: without qualifier, or in `pg_catalog`. The information schema's own functions read only.
    private static func functionClass(
        _ text: Span<UInt8>, _ name: Token, _ hash: UInt64, parts: Int, qualifier: Token
    ) -> FunctionClass {
        guard parts <= 2 else { return .unknown }
        if name.kind == .unicodeWord {
            guard parts == 1, let decoded = UnicodeName(text, name) else { return .unknown }
            return BuiltinFunctions.classify(name: decoded.bytes.span.extracting(0..<decoded.count), quoted: true)
        }
        // What is known here has no doubled quotes, so those may stay.
        let plain = PlainName(name)
        let bytes = text.extracting(plain.range)
        if parts == 2 {
            let qualification = PlainName(qualifier)
            let schema = text.extracting(qualification.range)
            if schema.equals(informationSchema, foldingCase: qualification.folds) {
                return bytes.begins(with: informationFunction, foldingCase: true) ? .safe : .unknown
            }
            guard schema.equals(catalogSchema, foldingCase: qualification.folds) else { return .unknown }
        }
        return BuiltinFunctions.classify(name: bytes, hash: hash, foldingCase: plain.folds)
    }

    static let catalogSchema = Array("pg_catalog".utf8)
    static let informationSchema = Array("information_schema".utf8)
    private static let informationFunction = Array("_pg_".utf8)

    // MARK: set_config

    /// The arguments of a `set_config` are complete: it is local only if the third is the word TRUE.
    mutating func noteSetConfig(_ text: Span<UInt8>) {
        let isThird = query.frame.commas == 2 && query.index == query.lastCommaIndex &+ 2
        let isLiteral = query.settingNameIsWhole && query.settingName.lowerBound > query.setConfigName.lowerBound
        if isLiteral, SettingName.isSeed(text, query.settingName) {
            return note(.sessionState, pins: .seed, query.setConfigName, .seed, by: .builtinFunction)
        }
        let lexing = isLiteral ? SettingName.lexing(text, query.settingName) : [.lexing, .parsing]
        if isThird && query.previous.keyword == .true {
            note(
                lexing.union([.setLocal, .primaryOnly]), query.setConfigName, .functionLocalSetting,
                by: .builtinFunction)
        } else {
            note(
                lexing.union(.sessionState), pins: .setting, query.setConfigName, .functionSetting,
                by: .builtinFunction)
            noteLiteralSetConfig(isThird: isThird)
        }
    }

    /// Whether the text so far is `SELECT set_config('name', 'value', false)`.
    private mutating func noteLiteralSetConfig(isThird: Bool) {
        let open = query.setConfigIndex
        guard isThird, query.previous.keyword == .false, query.index == open &+ 6,
            query.settingName.lowerBound > 0, query.settingValue.lowerBound > query.settingName.lowerBound,
            open == 2 || (open == 4 && query.setConfigParts == 2), query.depth == 1
        else { return }
        query.literalSetConfig = query.index &+ 1
    }

    // MARK: current_setting

    /// `current_setting('name')` is safe if the name is a literal and does not describe the node.
    mutating func checkSettingArgument(_ text: Span<UInt8>) {
        let isName = query.pending.contains(.settingName)
        query.pending.remove([.settingName, .behindSettingName])
        switch token.kind {
        case .string where isName:
            if SettingName.describesNode(text, token.range) {
                note(.primaryOnly, token.range, .nodeSetting, by: .setting)
            }
            query.pending.insert(.behindSettingName)
        case .comma where !isName, .close where !isName, .cast where !isName:
            break
        default:
            note(.primaryOnly, token.range, .dynamicSetting, by: .setting)
        }
    }
}
