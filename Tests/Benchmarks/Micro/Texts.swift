// Which statements are measured?

/// Statement texts of ordinary kinds.
enum Texts {
    /// What `pgbench -S` asks, with an account number of five digits: 56 bytes.
    static let pgbench = pgbench(account: 12_345)

    static func pgbench(account: Int) -> [UInt8] {
        Array("SELECT abalance FROM pgbench_accounts WHERE aid = \(account);".utf8)
    }

    /// The same with a parameter, as the extended protocol has it.
    static let pgbenchParameter = Array("SELECT abalance FROM pgbench_accounts WHERE aid = $1;".utf8)

    /// A join as mappers write them: 200 bytes.
    static let join = Array(
        """
        SELECT o.id, o.placed_at, c.name, sum(l.price * l.quantity) AS total FROM orders o JOIN customers c ON c.id \
        = o.customer_id JOIN lines l ON l.order_id = o.id WHERE o.state = 'shipped' GROUP BY 1, 2, 3
        """.utf8)

    /// The join with a function of users: 204 bytes.
    static let joinWithFunction = Array(
        """
        SELECT o.id, o.placed_at, c.name, sum(net_price(l.price, l.id)) AS total FROM orders o JOIN customers c \
        ON c.id = o.customer_id JOIN lines l ON l.order_id = o.id WHERE o.state = 'shipped' GROUP BY 1, 2, 3
        """.utf8)

    /// Texts that begin with no statement's word are split into tokens and stepped over: the lexer's share.
    static func withoutGrammar(_ text: [UInt8]) -> [UInt8] {
        Array("FROBNI".utf8) + text.dropFirst(6)
    }
}
