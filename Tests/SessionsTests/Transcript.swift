// How is one conversation compared with what it should be?

import Routing
import Sessions
import Testing
import Wire

/// What a client says, what it gets, and what is done for that, in order.
struct Turn {
    var says: [Message]
    var gets: String
    var lines: [String]

    init(_ says: Message..., gets: String, _ lines: String...) {
        self.says = says
        self.gets = gets
        self.lines = lines
    }
}

extension Rig {
    /// Plays the turns of one client, one after the other, and compares.
    func play(_ client: Int = 0, _ turns: Turn..., at location: SourceLocation = #_sourceLocation) {
        for turn in turns {
            lines = []
            clients[client].received = []
            send(turn.says.bytes, by: client)
            settle()
            #expect(taken(client) == turn.gets, sourceLocation: location)
            #expect(lines == turn.lines, "\(Reading.client(turn.says.bytes))", sourceLocation: location)
            #expect(problems.isEmpty, sourceLocation: location)
        }
    }

    /// A rig with one client.
    static func withClient(
        _ listener: ListenerKind = .split, parameters: [StartupParameter] = [], settings: SessionSettings = .init()
    ) -> Rig {
        let rig = Rig()
        rig.addClient(listener, parameters: parameters, settings: settings)
        return rig
    }
}
