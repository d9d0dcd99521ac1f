// Which name does a token stand for?

import SQL
import Testing

@Suite struct IdentifierTests {
    @Test(arguments: [
        ("abc", "abc"), ("ABC", "abc"), ("A_b$1", "a_b$1"), ("\"ABC\"", "ABC"), ("\"a\"\"b\"", "a\"b"),
        ("\"\"\"\"", "\""),
        ("a.B", "a.b"), ("a.\"B\"", "a.B"), ("A . \"b c\"", "a.b c"), ("A/* x */./* y */B", "a.b"),
        ("TIME ZONE", "time zone"),
        ("Time \n Zone", "time zone"), ("SESSION /* x */ AUTHORIZATION", "session authorization"), ("ÄB", "Äb"),
        ("U&\"d\\0061t\\+000061\"", "data"), ("U&\"d!0061\" UESCAPE '!'", "da"), ("U&\"a\\\\b\"\"c\"", "a\\b\"c"),
        ("U&\"\\00e4\"", "ä"), ("'Abc'", "Abc"), ("'it''s'", "it's"), ("", ""), ("\"abc", "abc"), ("\"", ""),
        ("U&\"", ""),
        ("u&\"\\zz\"", "\\zz"),
    ])
    func value(_ token: String, _ name: String) {
        let bytes = Array(token.utf8)
        #expect(String(decoding: Identifier.value(of: bytes.span), as: UTF8.self) == name)
    }

    @Test(arguments: [
        ("TIME ZONE", "timezone"), ("time  zone", "timezone"), ("NAMES", "client_encoding"), ("Schema", "search_path"),
        ("SESSION AUTHORIZATION", "session_authorization"), ("XML OPTION", "xmloption"), ("ROLE", "role"),
        ("TRANSACTION ISOLATION LEVEL", "transaction_isolation"), ("Work_Mem", "work_mem"),
        ("\"Work_Mem\"", "work_mem"),
        ("My.Thing", "my.thing"), ("'Search_Path'", "search_path"),
    ])
    func settingName(_ token: String, _ name: String) {
        let bytes = Array(token.utf8)
        #expect(String(decoding: Identifier.settingName(of: bytes.span), as: UTF8.self) == name)
    }
}
