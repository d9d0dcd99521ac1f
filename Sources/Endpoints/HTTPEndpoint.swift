// Who listens for questions over HTTP?

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Why nobody listens.
public struct EndpointError: Error, CustomStringConvertible {
    public let description: String
}

/// An HTTP/1.1 server for `GET` and `HEAD` of the paths of ``Health`` and of `/metrics`, on a thread of its own.
public final class HTTPEndpoint: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let address: (host: String, port: UInt16)
    private let sources: Sources

    /// What is answered from; called for each question.
    struct Sources: Sendable {
        var health: @Sendable () -> Health
        var metrics: @Sendable () -> Figures
    }

    /// The body of `/metrics` and its media type.
    public struct Figures: Sendable {
        var text: String
        var contentType: String

        public init(text: String, contentType: String) {
            self.text = text
            self.contentType = contentType
        }
    }

    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address.
    ///   - health: the state of the process; asked for with each question.
    ///   - metrics: the figures of the process; likewise.
    public init(
        host: String, port: UInt16, health: @escaping @Sendable () -> Health,
        metrics: @escaping @Sendable () -> Figures
    ) {
        address = (host, port)
        sources = Sources(health: health, metrics: metrics)
    }

    /// Begins to answer; returns when the port takes connections.
    public func start() throws(EndpointError) {
        let sources = sources
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(10)))
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(Responder(sources))
                }
            }
        do {
            _ = try bootstrap.bind(host: address.host, port: Int(address.port)).wait()
        } catch {
            stop()
            let place = address.host.contains(":") ? "[\(address.host)]" : address.host
            throw EndpointError(
                description: "cannot listen for HTTP on \(place):\(address.port) (admin.http): \(Self.reason(error))")
        }
    }

    /// What the system says, and what to do.
    private static func reason(_ error: any Error) -> String {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: "another process listens there already; stop it or choose another port"
        case EADDRNOTAVAIL: "this machine has no such address; choose one of its own"
        case EACCES: "permission denied; choose a port above 1023"
        default: "\(error)"
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

    private let sources: HTTPEndpoint.Sources
    private var question: HTTPRequestHead?

    init(_ sources: HTTPEndpoint.Sources) { self.sources = sources }

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
        let answer = isKnown ? answer(question.uri) : Answer(status: 405, text: "GET or HEAD\n")
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
        head.headers.add(name: "Content-Type", value: answer.contentType)
        head.headers.add(name: "Content-Length", value: "\(answer.text.utf8.count)")
        head.headers.add(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if question.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.text)))), promise: nil)
        }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    private struct Answer {
        var status: Int
        var text: String
        var contentType = "text/plain; charset=utf-8"
    }

    /// - Parameter uri: a path, perhaps with `?cluster=NAME`.
    private func answer(_ uri: String) -> Answer {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        if parts[0] == "/metrics" {
            let figures = sources.metrics()
            return Answer(status: 200, text: figures.text, contentType: figures.contentType)
        }
        let wishes = parts.count > 1 ? parts[1].split(separator: "&") : []
        let cluster = wishes.first { $0.hasPrefix("cluster=") }.map { String($0.dropFirst("cluster=".count)) }
        let answer = sources.health().answer(path: String(parts[0]), cluster: cluster)
        return Answer(status: answer.status, text: answer.text)
    }
}
