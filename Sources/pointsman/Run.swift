// How is a router built from its settings, and how does it end?

import Settings

/// Runs the router until it is told to stop.
func runRouter(configuration: Configuration) throws {
    throw OperatorError(sentence: "this build contains no router; check and classify work")
}
