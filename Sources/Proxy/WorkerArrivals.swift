// How do the bytes of a connection arrive in the clear, whether they were sent so or not?

import OpenSSL
import Reactor

/// What a receive brought.
enum Arrival {
    /// `input` has bytes that are new.
    case bytes
    /// Something came that is for TLS alone.
    case nothing
    /// Nothing is there; the poller will say when there is.
    case wouldBlock
    /// The peer has sent its last byte.
    case closed
    /// The connection is of no use any more.
    case failed(String)
}

extension Worker {
    /// Replaces what `input` holds by the prefix and what the socket has behind it, with one system call, and answers
    /// what is TLS's own business.
    func receive(_ descriptor: Descriptor, _ output: inout Output, after prefix: Span<UInt8>) -> Arrival {
        guard let channel = output.channel else {
            let received =
                prefix.isEmpty ? input.receive(from: descriptor) : input.receive(from: descriptor, after: prefix)
            socketMayHoldMore = input.isFull
            return arrival(received)
        }
        let encrypted = encrypted
        let received = encrypted.receive(from: descriptor)
        socketMayHoldMore = encrypted.isFull
        guard case .bytes = received else { return arrival(received) }
        if !channel.isEstablished { handshakeSteps += 1 }
        var opened = TLSChannel.Opened.bytes(0)
        input.fill(after: prefix) { room in
            opened = channel.open(encrypted.span, into: &room)
            if case .bytes(let count) = opened { return count }
            return 0
        }
        let isSent = output.sendOwn(to: descriptor)
        switch opened {
        case .bytes(let count):
            guard isSent else { return .failed("it takes no more bytes") }
            return count == 0 ? .nothing : .bytes
        case .closed: return .closed
        case .failed(let reason): return .failed(reason)
        }
    }

    private func arrival(_ received: Received) -> Arrival {
        switch received {
        case .bytes: .bytes
        case .wouldBlock: .wouldBlock
        case .closed: .closed
        case .failed(let failure): .failed("\(failure)")
        }
    }

    /// Whether this turn has time for what the connection may bring.
    func mayReceive(_ output: borrowing Output) -> Bool {
        guard let channel = output.channel, !channel.isEstablished else { return true }
        return handshakeSteps == 0
    }
}
