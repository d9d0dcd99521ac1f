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
