// How shall the nodes be watched?

import Probing

extension Inspection {
    mutating func probe(_ table: Table) -> ProbeSettings {
        var settings = ProbeSettings()
        let role = "the name of a role with pg_monitor"
        if table.has("user") {
            settings.user = string("user", in: table, expected: role) ?? settings.user
        } else {
            noteMissing("user", in: table, expected: role)
        }
        settings.password = secret("password", in: table)
        settings.database = string("database", in: table, expected: "the name of a database") ?? settings.database
        settings.interval =
            duration("interval", in: table, atLeast: .milliseconds(10), atMost: .seconds(60)) ?? settings.interval
        settings.timeout =
            duration("timeout", in: table, atLeast: .milliseconds(10), atMost: .seconds(60)) ?? settings.timeout
        settings.minInterval =
            duration("min_interval", in: table, atLeast: .milliseconds(1), atMost: .seconds(60))
            ?? settings.minInterval
        settings.failuresUntilDown =
            integer("failures_until_down", in: table, 1...100) ?? settings.failuresUntilDown
        settings.catalogInterval =
            duration("catalog_interval", in: table, atLeast: .zero, atMost: .seconds(86_400))
            ?? settings.catalogInterval
        settings.slowStart =
            duration("slow_start", in: table, atLeast: .zero, atMost: .seconds(3600)) ?? settings.slowStart
        if settings.minInterval > settings.interval {
            let (least, regular) = (Quantity.text(settings.minInterval), Quantity.text(settings.interval))
            note(
                .conflict("min_interval (\(least)) is above interval (\(regular))"), at: table.path(of: "min_interval"))
        }
        return settings
    }
}
