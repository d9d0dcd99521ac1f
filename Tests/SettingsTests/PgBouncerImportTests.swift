// Is a file of PgBouncer's read as PgBouncer reads it, and is nothing of it dropped without a word?

import Pooling
import Proxy
import Testing

@testable import Settings

struct PgBouncerImportTests {
    private func imported(_ text: String, _ others: [String: String] = [:]) -> PgBouncerImport {
        let files = others.merging(["pgbouncer.ini": text]) { $1 }
        return PgBouncerImport(path: "pgbouncer.ini") { name in
            files[name].map(Result.success) ?? .failure(UnreadableFile(reason: "no such file: \(name)"))
        }
    }

    /// The settings that the imported text gives.
    private func settings(_ text: String, _ others: [String: String] = [:]) throws -> ProxySettings {
        let result = imported(text, others)
        #expect(result.mistakes == [])
        return try Fixture.read(text: result.text).proxy
    }

    @Test func aWholeFile() throws {
        let result = PgBouncerImport(path: "\(Fixture.directory)/pgbouncer.ini")
        #expect(result.mistakes == [])
        let proxy = try Fixture.read(text: result.text).proxy
        #expect(proxy.listen.addresses == ["0.0.0.0"] && proxy.listen.port == 7432 && proxy.listen.sharesPort)
        #expect(proxy.listen.unixSocketDirectory == "/run/pgbouncer")
        #expect(proxy.server.maxClients == 2000 && proxy.server.maxDatabaseClients == 500 && proxy.server.peerID == 1)
        #expect(proxy.admin.users == ["bob", "postgres"] && proxy.admin.statsUsers == ["stats"])
        #expect(proxy.directory.lookup("carol") != nil)
        let app = try #require(proxy.databases["app"])
        #expect(app.serverName == "app_production" && app.pool.size == 50 && app.pool.mode == .transaction)
        #expect(app.pool.lifetime == .seconds(1800) && app.pool.idleTimeout == .milliseconds(500))
        #expect(app.pool.queryTimeout == .seconds(15) && app.pool.reserveTimeout == .seconds(3))
        let reports = try #require(proxy.databases["reports"])
        #expect(reports.user == "reader" && reports.secret == .plain("it's secret") && reports.maxConnections == 7)
        #expect(reports.cluster == app.cluster && reports.pool.size == 30)
        let nodes = [NodeSettings(host: "10.0.0.1", port: 5433), NodeSettings(host: "10.0.0.2", port: 5433)]
        #expect(proxy.clusters[app.cluster]?.nodes == nodes)
        #expect(proxy.clusters[app.cluster]?.transport.security == .require)
        #expect(proxy.databases["*"]?.cluster != app.cluster)
        #expect(proxy.users["alice"]?.maxConnections == 9 && proxy.users["alice"]?.pool.size == 5)
        #expect(proxy.users["alice"]?.pool.queryTimeout == .milliseconds(2500))
        #expect(proxy.peers[2] == NodeSettings(host: "10.0.0.7", port: 6433))
        for sentence in [
            "ignore_startup_parameters = extra_float_digits: ", "logfile = /var/log/pgbouncer.log: ",
            "[databases] local: application_name=x has no equivalent", "the unix socket of its server is not used",
        ] {
            #expect(result.text.contains(sentence), "\(sentence)")
        }
        // Values that mean nothing are not told of.
        #expect(!result.text.contains("server_reset_query ="))
    }

    /// PgBouncer 1.25's documentation, and what it will have next.
    @Test func everySettingIsDealtWith() {
        let names = """
            admin_users application_name_add_host auth_dbname auth_file auth_hba_file auth_ident_file \
            auth_ldap_options auth_query auth_type auth_user autodb_idle_timeout cancel_wait_timeout \
            client_idle_timeout client_login_timeout client_tls_ca_file client_tls_cert_file client_tls_ciphers \
            client_tls_dheparams client_tls_ecdhcurve client_tls_key_file client_tls_protocols client_tls_sslmode \
            client_tls13_ciphers conffile default_pool_size disable_pqexec dns_max_ttl dns_nxdomain_ttl \
            dns_zone_check_period idle_transaction_timeout ignore_startup_parameters job_name listen_addr \
            listen_backlog listen_port log_connections log_disconnections log_pooler_errors log_stats logfile \
            login_notify_message max_client_conn max_db_client_connections max_db_connections max_packet_size \
            max_prepared_statements max_user_client_connections max_user_connections min_pool_size peer_id pidfile \
            pkt_buf pool_idle_timeout pool_mode query_timeout query_wait_notify query_wait_timeout \
            reserve_pool_size reserve_pool_timeout resolv_conf sbuf_loopcnt scram_iterations server_check_delay \
            server_check_query server_connect_timeout server_fast_close server_idle_timeout server_lifetime \
            server_login_retry server_reset_query server_reset_query_always server_round_robin server_tls_ca_file \
            server_tls_cert_file server_tls_ciphers server_tls_key_file server_tls_protocols server_tls_sslmode \
            server_tls13_ciphers service_name so_reuseport stats_period stats_users suspend_timeout syslog \
            syslog_facility syslog_ident tcp_defer_accept tcp_keepalive tcp_keepcnt tcp_keepidle tcp_keepintvl \
            tcp_socket_buffer tcp_user_timeout track_extra_parameters transaction_timeout unix_socket_dir \
            unix_socket_group unix_socket_mode user verbose
            """
        #expect(Set(names.split(separator: " ").map(String.init)) == Set(PgBouncerRules.all.keys))
    }

    @Test func theLeastFile() throws {
        let users = #""app" "secret""#
        let proxy = try settings(
            "[databases]\nx = host=h\n[pgbouncer]\nauth_file = \(Fixture.directory)/userlist.txt\n",
            ["\(Fixture.directory)/userlist.txt": users])
        #expect(proxy.authentication.method == .md5 && proxy.databases["x"]?.pool.mode == .session)
    }

    @Test(arguments: [
        ("[databases\nx = host=h", "a section's name has no end"), ("[pgbouncer]\nlisten_port", "expected a section"),
        ("[databases]\nx = host='h", "the connection string cannot be read"),
        ("[pgbouncer]\nlisten_port = many", "many is no number"),
        ("[pgbouncer]\nquery_timeout = long", "long is no number"),
        ("%include nosuch.ini", "no such file: nosuch.ini"), ("%include pgbouncer.ini", "more than ten times"),
    ]) func mistakes(_ text: String, _ sentence: String) {
        #expect(imported(text).mistakes.contains { $0.contains(sentence) })
    }

    @Test func directories() throws {
        let text = """
            [databases]
            x = host=h
            [pgbouncer]
            auth_type = ldap
            auth_ldap_options = ldapserver=db ldapprefix="uid=" ldapsuffix=",dc=example" ldaptls=1
            """
        let proxy = try settings(text)
        #expect(proxy.authentication.method == .ldap && proxy.authentication.ldap.url == "ldap://db:389")
        #expect(proxy.authentication.ldap.prefix == "uid=" && proxy.authentication.ldap.suffix == ",dc=example")
        #expect(proxy.authentication.ldap.usesStartTLS)
        let pam = try settings("[databases]\nx = host=h\n[pgbouncer]\nauth_type = pam\n")
        #expect(pam.authentication.method == .pam && pam.authentication.pamService == "pgbouncer")
    }

    @Test func whatIsUnknownIsTold() {
        let text = imported("[databases]\nx = host=h\n[pgbouncer]\nnosuch = 1\nauth_type = gss\n").text
        #expect(text.contains("# nosuch = 1: PgBouncer has no such setting"))
        #expect(text.contains("# auth_type = gss is not supported"))
    }

    @Test(arguments: [
        ("a=1 b = 'x y' c='it''s'", ["a": "1", "b": "x y", "c": "it's"]), ("", [:]), ("  a=b  ", ["a": "b"]),
    ]) func pairs(_ text: String, _ expected: [String: String]) {
        let found = PgBouncerFile.pairs(text) ?? []
        #expect(Dictionary(uniqueKeysWithValues: found.map { ($0.key, $0.value) }) == expected)
    }
}
