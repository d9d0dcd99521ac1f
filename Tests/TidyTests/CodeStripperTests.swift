// Do the tidy tests read code, not comments and strings?

import Testing

@Suite struct CodeStripperTests {
    @Test(arguments: [
        ("let a = 1  // unsafe", "let a = 1  "),
        ("let a = \"unsafe // no comment\" + b", "let a = \"\" + b"),
        (#"let a = "\" unsafe" ; b"#, #"let a = "" ; b"#),
        ("let a = #\"raw \" \\ unsafe\"# ; b", "let a = \"\" ; b"),
        ("a /* unsafe /* nested */ still */ b", "a  b"),
        ("let a = \"\"", "let a = \"\""),
        ("#if DEBUG", "#if DEBUG"),
        ("", ""),
    ])
    func lines(_ line: String, _ expected: String) {
        #expect(CodeStripper.strip([line]) == [expected])
    }

    @Test func longStringsAndComments() {
        let lines = ["a = \"\"\"", "  unsafe \" // \"\"", "  \"\"\" + b", "/* one", "unsafe", "*/ c"]
        #expect(CodeStripper.strip(lines) == ["a = \"", "", "\" + b", "", "", " c"])
    }
}
