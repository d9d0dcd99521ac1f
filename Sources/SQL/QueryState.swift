// What does the reading of a query remember between two tokens?

/// What a pair of parentheses, or the query around them, is for.
enum FrameKind: UInt8 {
    /// A subquery, a part of an expression, a part of FROM, an option list.
    case group
    /// The arguments of a function.
    case call
    /// The inside of a construct of the grammar that looks like a call: `coalesce(…)`, `substring(… FOR 3)`.
    case construct
    /// `cast(… AS type)`: behind AS there are no calls.
    case cast
    /// `treat(… AS type)`, which calls the function of the type's name.
    case treat
    /// Column names, column definitions, type modifiers: a name with parentheses is no call here.
    case columns
    /// The arguments of `set_config`.
    case setConfig
    /// `OPERATOR(…)`.
    case operatorName
    /// Array subscripts.
    case subscripts
}

/// Which part of a query the next token belongs to, as far as that tells names with parentheses from calls.
enum QueryContext: UInt8 {
    case expression
    /// A table, function or subquery of FROM is expected.
    case from
    /// It was there: a name is an alias now.
    case fromItem
    /// The alias was there: parentheses hold column names now.
    case fromAlias
    /// In FROM, but behind anything else, such as ON.
    case fromCondition
    /// WITH: the name of a common table expression is expected.
    case withName
    /// It was there: parentheses hold column names now.
    case withNamed
    /// Behind the AS of a common table expression.
    case withBody
    /// INSERT INTO: the table is expected.
    case insertTarget
    /// It was there: parentheses hold column names now.
    case insertNamed
    case groupBy

    /// Whether a comma or a JOIN leads to the next item of FROM.
    var isInFrom: Bool {
        switch self {
        case .from, .fromItem, .fromAlias, .fromCondition: true
        default: false
        }
    }
}

/// One level of parentheses.
struct QueryFrame {
    var kind = FrameKind.group
    var context = QueryContext.expression
    /// Whether a SELECT, VALUES, TABLE or data-modifying word was seen on this level.
    var hasQuery = false
    var commas: UInt8 = 0
}

/// Where a query begins that is part of another statement.
enum QueryPlace {
    case statement
    /// One parenthesis was read; the query ends where it closes.
    case parenthesesOnly
    /// One parenthesis was read; the query goes on behind it.
    case openParenthesis
    /// Expressions of an ALTER, mixed with column definitions.
    case definition
    /// A statement of PL/pgSQL.
    case procedure
}

/// The levels around the current one, of which there are not more than anyone writes.
struct OuterFrames {
    static let deepest = 64
    private var frames = InlineArray<64, QueryFrame>(repeating: QueryFrame())

    subscript(depth: Int) -> QueryFrame {
        get { depth < Self.deepest ? frames[depth] : QueryFrame() }
        set { if depth < Self.deepest { frames[depth] = newValue } }
    }
}

/// Progress through one query.
struct QueryState {
    /// How many levels are open.
    var depth = 0
    var frame = QueryFrame()
    /// What the parentheses that closed last were for.
    var closed = FrameKind.group

    var place = QueryPlace.statement
    /// How many tokens were read.
    var index = 0
    /// The token before the current one; a name behind a dot or AS is no keyword any more.
    var previous = Token.none
    /// The token before the name that ended last.
    var beforeName = Token.none
    /// How many parts that name has, and the part before its last.
    var nameParts = 0
    /// So many parts stand for what is before the dot and no name: more than any name has.
    static let valueParts = 8
    var qualifier = Token.none
    /// The token before the last dot.
    var dotted = Token.none

    var modifiesData = false
    var updates = false
    var readsSettingsView = false
    /// Where the last string ended that is the value of a literal without a type before it, and whether the last `::`
    /// gives that a type.
    var bareLiteralEnd = -1
    var castsBareLiteral = false
    /// What the next token must be looked at for.
    var pending: PendingLooks = []
    /// The index of the FOR of a locking clause.
    var lockIndex = -4
    var lastCommaIndex = 0
    /// The index of the parenthesis of the last `set_config(`, and its literals.
    var setConfigIndex = -8
    var setConfigParts = 0
    var setConfigName = 0..<0
    var settingName = 0..<0
    /// The first argument is one token.
    var settingNameIsWhole = false
    var settingValue = 0..<0
    var literalSetConfig = -8
    /// A function is an item of FROM, whose alias may stand for its value.
    var hasFunctionItem = false
    /// A name behind a dot may be a call for that reason.
    var hasAliasCalls = false
}

/// What a token says of those before it.
struct PendingLooks: OptionSet {
    let rawValue: UInt8

    /// The name of an item of FROM has begun, and must be looked at when it is complete.
    static let fromItem = PendingLooks(rawValue: 1)
    /// The argument of `current_setting(` begins.
    static let settingName = PendingLooks(rawValue: 2)
    /// It was one literal so far.
    static let behindSettingName = PendingLooks(rawValue: 4)
    /// A name behind a dot that may be a call, unless more follows.
    static let attribute = PendingLooks(rawValue: 8)
}
