// How many descriptors may the process open?

/// The limit of open descriptors (RLIMIT_NOFILE).
public enum DescriptorLimit {
    /// Raises the limit as far as the process may without privileges; returns the limit then in force.
    public static func raise() -> Int {
        SystemCalls.raiseDescriptorLimit()
    }
}
