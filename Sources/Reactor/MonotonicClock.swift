// What time is it, for deadlines?

/// The clock that never goes back; it has nothing to do with the date.
public enum MonotonicClock {
    /// Nanoseconds since some instant before the process began.
    public static func now() -> UInt64 {
        SystemCalls.monotonicNanoseconds()
    }
}
