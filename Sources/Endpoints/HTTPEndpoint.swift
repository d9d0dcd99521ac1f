// Who listens for questions over HTTP?

import Dispatch
import Foundation
import FlyingFox
import FlyingSocks
import Locks

/// Why nobody listens.
public struct EndpointError: Error, CustomStringConvertible {
    public let description: String
}

/// An HTTP server for `GET` and `HEAD` of the paths of ``Health``, on threads of its own.
public final class HTTPEndpoint: Sendable {
    private let server: HTTPServer
    private let place: String
    private let state: @Sendable () -> Health
    private let task = Lock<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address.
    ///   - state: what to answer from; called for each question.
    public init(host: String, port: UInt16, state: @escaping @Sendable () -> Health) throws(EndpointError) {
        place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        self.state = state
        do {
            server =
                if host.contains(":") {
                    HTTPServer(address: try .inet6(ip6: host, port: port), timeout: 5, logger: .disabled)
                } else {
                    HTTPServer(address: try .inet(ip4: host, port: port), timeout: 5, logger: .disabled)
                }
        } catch {
            throw EndpointError(description: "admin.http: \(host) is no address to listen on")
        }
    }

    /// Begins to answer; returns when the port takes connections.
    public func start() throws(EndpointError) {
        let settled = DispatchSemaphore(value: 0)
        let failure = Lock<String?>(nil)
        let (server, state) = (server, state)
        let running = Task {
            for path in Health.paths {
                await server.appendRoute(HTTPRoute("GET,HEAD \(path)")) { request in
                    Self.response(state().answer(path: path, cluster: request.query["cluster"]))
                }
            }
            do {
                try await server.run()
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
            settled.signal()
        }
        task.withLock { $0 = running }
        Task {
            try? await server.waitUntilListening(timeout: 10)
            settled.signal()
        }
        settled.wait()
        if let reason = failure.withLock({ $0 }) {
            throw EndpointError(description: "cannot listen for HTTP on \(place): \(reason)")
        }
    }

    public func stop() {
        task.withLock { $0 }?.cancel()
    }

    private static func response(_ answer: Health.Answer) -> HTTPResponse {
        let phrases = [200: "OK", 404: "Not Found", 503: "Service Unavailable"]
        return HTTPResponse(
            statusCode: HTTPStatusCode(answer.status, phrase: phrases[answer.status] ?? ""),
            headers: [.contentType: "text/plain; charset=utf-8"], body: Data(answer.text.utf8))
    }
}
