// How does a connection to a server become an encrypted one?

import OpenSSL
import Reactor
import Wire

/// The way from a connected socket to a TLS channel: PostgreSQL is asked first, unless the handshake comes at once.
final class Handshake {
    enum Step: Equatable {
        case needMore
        /// The channel's.
        case encrypted
        /// The server has no TLS.
        case refused
        case failed(String)
    }

    private let channel: TLSChannel
    private let isDirect: Bool

    init(channel: TLSChannel, isDirect: Bool) {
        self.channel = channel
        self.isDirect = isDirect
    }

    /// The socket is connected; false: it takes no bytes.
    func begin(_ output: inout Output, to descriptor: Descriptor) -> Bool {
        if isDirect { return startTLS(&output, to: descriptor) }
        var request: [UInt8] = []
        request.appendSSLRequest()
        return output.sendRaw(request.span, to: descriptor)
    }

    /// The server's answer to the request has come, in the clear.
    func answered(_ bytes: Span<UInt8>, _ output: inout Output, to descriptor: Descriptor) -> Step {
        guard !bytes.isEmpty else { return .needMore }
        switch bytes[0] {
        case UInt8(ascii: "S"):
            // Whoever sits in between could have sent more (CVE-2021-23222).
            guard bytes.count == 1 else {
                return .failed("the server sent unencrypted data behind its answer to SSLRequest")
            }
            return startTLS(&output, to: descriptor) ? .needMore : .failed("the server takes no bytes")
        case UInt8(ascii: "N"):
            return bytes.count == 1 ? .refused : .failed("the server sent more than an answer to SSLRequest")
        default:
            return .failed("the server does not understand SSLRequest")
        }
    }

    /// Bytes for the channel have come.
    func wentOn(_ output: borrowing Output) -> Step {
        guard output.channel != nil, channel.isEstablished else { return .needMore }
        // Without it the answer could come from a server of another protocol.
        guard !isDirect || channel.hasAgreedOnProtocol else { return .failed("the server speaks another protocol") }
        return .encrypted
    }

    private func startTLS(_ output: inout Output, to descriptor: Descriptor) -> Bool {
        output.channel = channel
        channel.start()
        return output.sendOwn(to: descriptor)
    }
}
