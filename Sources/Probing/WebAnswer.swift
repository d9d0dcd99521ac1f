// What does a URL answer, if somebody can wait for it?

import CCurl

/// The answer to one GET, by libcurl: no redirects, no proxies.
public struct WebAnswer: Equatable, Sendable {
    /// Why there is no answer, in libcurl's words or ours.
    public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String
    }

    public var status: Int
    public fileprivate(set) var body: [UInt8] = []

    /// Blocks the calling thread until the answer is there, or the time is over.
    ///
    /// - Parameters:
    ///   - milliseconds: for all of it, the look-up of the name included.
    ///   - authorities: a PEM file of those whose certificates are believed; nil: the system's.
    ///   - longest: bytes of a body that is taken.
    public static func to(
        _ url: String, within milliseconds: Int, authorities: String?, longest: Int
    ) throws(Failure) -> WebAnswer {
        guard isReady else { throw Failure(description: "libcurl cannot be used") }
        var collected = Collected(limit: longest)
        var status = 0
        var reason = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        // Everything lives for the time of the call; libcurl keeps nothing.
        let result = unsafe withUnsafeMutablePointer(to: &collected) { collected in
            unsafe pointsman_get(url, authorities, milliseconds, take, collected, &status, &reason)
        }
        guard result == CURLE_OK else {
            if collected.isTooLong { throw Failure(description: "the answer is longer than \(longest) bytes") }
            let text = unsafe String(cString: curl_easy_strerror(result))
            let detail = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw Failure(description: detail.isEmpty ? text : detail)
        }
        return WebAnswer(status: status, body: collected.bytes)
    }

    /// libcurl wants to be told once, before the first use.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// What has come of a body.
    fileprivate struct Collected {
        let limit: Int
        var bytes: [UInt8] = []
        var isTooLong = false
    }
}

/// Collects a part of a body; to take less than all of it ends the transfer.
private func take(
    _ part: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let part = unsafe part, let collected = unsafe context?.assumingMemoryBound(to: WebAnswer.Collected.self)
    else { return 0 }
    let bytes = unsafe UnsafeRawBufferPointer(start: part, count: size * count)
    guard unsafe collected.pointee.bytes.count + bytes.count <= collected.pointee.limit else {
        unsafe collected.pointee.isTooLong = true
        return 0
    }
    unsafe collected.pointee.bytes.append(contentsOf: bytes)
    return bytes.count
}
