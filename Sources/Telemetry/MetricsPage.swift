// How are figures written down for Prometheus?

/// A page in Prometheus' text format, version 0.0.4: families of samples, each family once, with its type and a help
/// text.
public struct MetricsPage: Sendable {
    public enum Kind: String, Sendable {
        /// Only grows; the name ends in `_total`.
        case counter
        case gauge
    }

    /// The media type of the text.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public private(set) var text = ""

    public init() {}

    /// One figure of a family.
    public struct Sample: Sendable {
        var labels: KeyValuePairs<String, String>
        var value: Double

        public init(_ labels: KeyValuePairs<String, String>, _ value: some BinaryInteger) {
            self.labels = labels
            self.value = Double(value)
        }

        public init(_ labels: KeyValuePairs<String, String>, fraction value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    /// Adds a family; one without samples is left out.
    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.key)=\"\(Self.escaped($0.value, quotes: true))\"" }
            text += name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}") + " "
            text += Self.number(sample.value) + "\n"
        }
    }

    /// One histogram of a family.
    public struct Series: Sendable {
        /// What was counted below a bound and not below the one before it.
        public struct Range: Sendable {
            /// nil: there is none.
            var bound: Double?
            var count: UInt64

            public init(bound: Double?, count: UInt64) {
                self.bound = bound
                self.count = count
            }
        }

        var labels: KeyValuePairs<String, String>
        var ranges: [Range]
        var sum: Double

        /// - Parameter ranges: by growing bounds, the last one without.
        public init(_ labels: KeyValuePairs<String, String>, _ ranges: [Range], sum: Double) {
            self.labels = labels
            self.ranges = ranges
            self.sum = sum
        }
    }

    /// Adds a family of histograms; one without any is left out.
    public mutating func addHistogram(_ name: String, _ help: String, _ series: [Series]) {
        guard !series.isEmpty else { return }
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) histogram\n"
        for one in series {
            let labels = one.labels.map { "\($0.key)=\"\(Self.escaped($0.value, quotes: true))\"" }
            var count: UInt64 = 0
            for range in one.ranges {
                count &+= range.count
                let bound = range.bound.map { "\($0)" } ?? "+Inf"
                text += "\(name)_bucket{\((labels + ["le=\"\(bound)\""]).joined(separator: ","))} \(count)\n"
            }
            let all = labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
            text += "\(name)_sum\(all) \(Self.number(one.sum))\n\(name)_count\(all) \(count)\n"
        }
    }

    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        add(name, kind, help, [Sample([:], value)])
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        let plain = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        return quotes ? plain.replacing("\"", with: "\\\"") : plain
    }

    /// Whole numbers without a fraction, up to those that a double holds exactly.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 9e15 ? "\(Int64(value))" : "\(value)"
    }
}
