// Is the page what Prometheus reads?

import Testing

@testable import Telemetry

@Suite struct MetricsPageTests {
    @Test func families() {
        var page = MetricsPage()
        page.add("a_total", .counter, "How many.", 3)
        page.add("nothing", .gauge, "Left out.", [])
        page.add(
            "b", .gauge, "Back\\slash\nand line.",
            [
                .init(["name": "quote \" back \\ line \n end", "other": ""], -1),
                .init(["name": "ü"], fraction: 0.25), .init([:], fraction: 12_345_678_901),
            ])
        let expected = #"""
            # HELP a_total How many.
            # TYPE a_total counter
            a_total 3
            # HELP b Back\\slash\nand line.
            # TYPE b gauge
            b{name="quote \" back \\ line \n end",other=""} -1
            b{name="ü"} 0.25
            b 12345678901

            """#
        #expect(page.text == expected)
    }

    @Test func histograms() {
        var page = MetricsPage()
        page.addHistogram("nothing", "Left out.", [])
        page.addHistogram(
            "h_seconds", "How long.",
            [
                .init(["a": "b"], [.init(bound: 0.5, count: 2), .init(bound: 1, count: 0), .init(bound: nil, count: 3)],
                    sum: 4.25)
            ])
        let expected = """
            # HELP h_seconds How long.
            # TYPE h_seconds histogram
            h_seconds_bucket{a="b",le="0.5"} 2
            h_seconds_bucket{a="b",le="1.0"} 2
            h_seconds_bucket{a="b",le="+Inf"} 5
            h_seconds_sum{a="b"} 4.25
            h_seconds_count{a="b"} 5

            """
        #expect(page.text == expected)
    }
}
