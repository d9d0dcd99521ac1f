// Who listens for questions over HTTP?

import NIOCore
import NIOHTTP1
import NIOPosix

/// Why nobody listens.
public struct EndpointError: Error, CustomStringConvertible {
    public let description: String
}

/// An HTTP/1.1 server for `GET` and `HEAD` of the paths of ``Health``, on a thread of its own.
public final class HTTPEndpoint: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let address: (host: String, port: UInt16)
    private let state: @Sendable () -> Health

    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address.
    ///   - state: what to answer from; called for each question.
    public init(host: String, port: UInt16, state: @escaping @Sendable () -> Health) {
        address = (host, port)
        self.state = state
    }

    /// Begins to answer; returns when the port takes connections.
    public func start() throws(EndpointError) {
        let state = state
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(10)))
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(Responder(state))
                }
            }
        do {
            _ = try bootstrap.bind(host: address.host, port: Int(address.port)).wait()
        } catch {
            stop()
            let place = address.host.contains(":") ? "[\(address.host)]" : address.host
            throw EndpointError(description: "cannot listen for HTTP on \(place):\(address.port): \(error)")
        }
    }

    /// Ends the thread and all connections.
    public func stop() {
        try? group.syncShutdownGracefully()
    }
}

/// Answers one question, and closes the connection.
private final class Responder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let state: @Sendable () -> Health
    private var question: HTTPRequestHead?

    init(_ state: @escaping @Sendable () -> Health) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): question = head
        case .body: break
        case .end:
            guard let question else { return context.close(promise: nil) }
            answer(question, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ question: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isKnown = question.method == .GET || question.method == .HEAD
        let answer = isKnown ? Self.answer(question.uri, state()) : Health.Answer(status: 405, text: "GET or HEAD\n")
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
        head.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        head.headers.add(name: "Content-Length", value: "\(answer.text.utf8.count)")
        head.headers.add(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if question.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.text)))), promise: nil)
        }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    /// - Parameter uri: a path, perhaps with `?cluster=NAME`.
    private static func answer(_ uri: String, _ health: Health) -> Health.Answer {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let wishes = parts.count > 1 ? parts[1].split(separator: "&") : []
        let cluster = wishes.first { $0.hasPrefix("cluster=") }.map { String($0.dropFirst("cluster=".count)) }
        return health.answer(path: String(parts[0]), cluster: cluster)
    }
}
