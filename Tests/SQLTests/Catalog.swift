// How do the tests of this target make up a database?

import SQL

/// A catalog written down by hand; numbers are given in the order of the additions.
struct Catalog {
    private var facts = CatalogFacts()
    private var bodies: [(oid: UInt32, language: String, text: String)] = []
    private var last: UInt32 = 16_383

    @discardableResult
    mutating func function(
        _ name: String, schema: String = "public", volatile: Bool = false, language: String = "sql",
        argument: FunctionFact.SoleArgument = .none, library: String = "", symbol: String = "", body: String? = nil
    ) -> CatalogObject {
        last += 1
        facts.add(
            FunctionFact(
                oid: last, schema: schema, name: name, isVolatile: volatile, language: language,
                argument: argument, library: library, symbol: symbol))
        if let body { bodies.append((last, language, body)) }
        return CatalogObject(.function, last)
    }

    @discardableResult
    mutating func relation(
        _ name: String, schema: String = "public", _ storage: RelationStorage = .table, uses: [CatalogObject] = []
    ) -> CatalogObject {
        last += 1
        facts.addRelation(last, schema: schema, name: name, storage)
        return connected(CatalogObject(.relation, last), uses)
    }

    @discardableResult
    mutating func domain(_ name: String, schema: String = "public", uses: [CatalogObject]) -> CatalogObject {
        last += 1
        facts.addDomain(last, schema: schema, name: name)
        return connected(CatalogObject(.type, last), uses)
    }

    /// A type with parts.
    @discardableResult
    mutating func compound(_ name: String, schema: String = "public", uses: [CatalogObject]) -> CatalogObject {
        last += 1
        facts.addCompoundType(last, schema: schema, name: name)
        return connected(CatalogObject(.type, last), uses)
    }

    mutating func connect(_ user: CatalogObject, setting name: String?) {
        facts.connect(user, toSetting: name.map { Array($0.utf8) })
    }

    mutating func operation(_ symbol: String, uses: [CatalogObject]) {
        last += 1
        facts.addOperator(last, symbol: symbol)
        _ = connected(CatalogObject(.operation, last), uses)
    }

    /// A type that casts by functions make; the other ones are in it.
    @discardableResult
    mutating func castTarget(
        _ name: String, schema: String = "pg_catalog", element: String? = nil, parts: [CatalogObject] = []
    ) -> CatalogObject {
        last += 1
        facts.addCastTarget(last, schema: schema, name: name, element: element.map { (schema, $0) })
        for part in parts { facts.connectCastTarget(last, toPart: part.oid) }
        return CatalogObject(.castTarget, last)
    }

    mutating func cast(to target: CatalogObject, implicit: Bool = false, uses: [CatalogObject]) {
        last += 1
        facts.addCast(last, to: target.oid, isImplicit: implicit)
        _ = connected(CatalogObject(.cast, last), uses)
    }

    mutating func connect(_ user: CatalogObject, builtin name: String) {
        facts.connect(user, toBuiltinFunction: name)
    }

    mutating func connect(_ user: CatalogObject, _ used: CatalogObject) { facts.connect(user, to: used) }

    mutating func connect(_ user: CatalogObject, builtinRelation name: String) {
        facts.connect(user, toBuiltinRelation: name)
    }

    private mutating func connected(_ object: CatalogObject, _ uses: [CatalogObject]) -> CatalogObject {
        for used in uses { facts.connect(object, to: used) }
        return object
    }

    func knowledge(generation: UInt64 = 2) -> Knowledge {
        var facts = facts
        for body in bodies { facts.addBody(of: body.oid, language: body.language, text: Array(body.text.utf8)) }
        return facts.knowledge(generation: generation)
    }
}

func classify(
    _ sql: String, knowing knowledge: Knowledge?, _ settings: LexerSettings = LexerSettings()
) -> Classification {
    let bytes = Array(sql.utf8)
    return Classifier.classify(bytes.span, settings: settings, knowledge: knowledge)
}
