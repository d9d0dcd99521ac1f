// What does a worker hold for a cancel request on its way to a server?

import Reactor

/// A connection that carries one CancelRequest to a server.
final class CancelConnection {
    let token: Token
    let descriptor: Descriptor
    var output: Output
    /// How the connection becomes an encrypted one, if the server's is.
    var handshake: Handshake?
    let message: [UInt8]
    /// The server whose work is to be cancelled, and the client it must still serve when the request is sent.
    weak var server: ServerConnection?
    weak var client: ClientConnection?
    /// The client asked, so its work must still run; otherwise whatever runs is to end.
    let isForClient: Bool
    var isConnected = false
    var isSent = false
    let startedAt: UInt64

    init(
        token: Token, descriptor: Descriptor, handshake: Handshake?, message: [UInt8], server: ServerConnection?,
        client: ClientConnection?, startedAt: UInt64, blocks: BlockPool
    ) {
        output = Output(pool: blocks)
        self.handshake = handshake
        self.token = token
        self.descriptor = descriptor
        self.message = message
        self.server = server
        self.client = client
        isForClient = client != nil
        self.startedAt = startedAt
    }
}
