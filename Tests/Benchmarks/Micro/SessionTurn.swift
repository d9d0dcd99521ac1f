// What does a client's batch cost between its bytes and the server's, there and back?

import Routing
import SQL
import Sessions
import Wire

/// One batch of a client that gets a server, its answer, and the server's return: what the machines do for each
/// transaction, without sockets. The worker's other steps (decision, pool) are measured for themselves.
final class SessionTurn: Operation {
    let name: String
    private let requests: [[UInt8]]
    private var next = 0
    private let reply: [UInt8]
    private var client: ClientSession
    private var server = ServerSession()
    private var table = StatementTable(worker: 0)
    private var toServer = Outbox()
    private var toClient = Outbox()
    private var facts: [ReplyFact] = []

    /// - Parameters:
    ///   - preparation: what the client has sent before, with the server's answer.
    ///   - requests: what the client sends, in turn.
    ///   - isForwarded: the server is to get the very bytes that the client sends.
    init(
        _ name: String, preparation: (request: [UInt8], reply: [UInt8])? = nil, requests: [[UInt8]], reply: [UInt8],
        isForwarded: Bool
    ) {
        self.name = name
        self.requests = requests
        self.reply = reply
        client = ClientSession(listener: .split, profile: .base, settings: .standard)
        if let preparation { _ = turn(preparation.request.span, preparation.reply.span) }
        // A turn that failed would be measured as well: look once at what is sent.
        let request = requests[0]
        ask(request.span)
        let sent = toServer.bytes(from: request.span)
        precondition(isForwarded ? sent == request : !sent.isEmpty, "The request goes to the server.")
        toServer.removeAll()
        answer(reply.span)
        precondition(toClient.bytes(from: reply.span) == reply, "The answer goes to the client.")
        toClient.removeAll()
        leave()
    }

    func run(_ count: Int) -> Int {
        let requests = requests
        let reply = reply
        var sum = 0
        for _ in 0..<count {
            let request = requests[next]
            sum &+= turn(request.span, reply.span)
            next = next + 1 < requests.count ? next + 1 : 0
        }
        return sum
    }

    private func turn(_ request: Span<UInt8>, _ reply: Span<UInt8>) -> Int {
        ask(request)
        let pieces = toServer.pieces.count
        toServer.removeAll()
        answer(reply)
        let answered = toClient.pieces.count
        toClient.removeAll()
        leave()
        return pieces &+ answered
    }

    private func ask(_ bytes: Span<UInt8>) {
        var offset = 0
        var isAttached = false
        while true {
            let attachment = isAttached ? server.attachment : nil
            let step = client.advance(bytes, at: &offset, attachment: attachment, table: &table, toClient: &toClient)
            switch step {
            case .needInput:
                precondition(offset == bytes.count && isAttached, "The batch was sent.")
                return
            case .acquire:
                client.attached(to: &server, isReplica: true, difference: [], toServer: &toServer)
                isAttached = true
            case .translate:
                let translation = client.translate(
                    bytes, at: &offset, server: &server, table: &table, toServer: &toServer, toClient: &toClient,
                    facts: &facts)
                precondition(translation == .done, "The batch is whole.")
                settle()
            case .wait, .move, .configure, .pin, .consult, .explain, .token, .close:
                preconditionFailure("A read needs nothing but a server.")
            }
        }
    }

    private func answer(_ bytes: Span<UInt8>) {
        let used = server.receive(bytes, toClient: &toClient, toServer: &toServer, facts: &facts)
        precondition(used == bytes.count && toServer.isEmpty, "The answer is whole.")
        settle()
    }

    private func settle() {
        guard !facts.isEmpty else { return }
        var taken: [ReplyFact] = []
        swap(&taken, &facts)
        for fact in taken {
            let error = client.settle(fact, server: &server, table: &table)
            precondition(error == nil, "Nothing fails.")
        }
        taken.removeAll(keepingCapacity: true)
        swap(&taken, &facts)
    }

    private func leave() {
        precondition(server.isIdle && client.isDetachable, "The transaction is over.")
        client.detached()
    }
}
