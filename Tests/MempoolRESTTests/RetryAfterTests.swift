import Testing

@testable import MempoolREST

/// RFC 9110 §5.6.7 gives the same moment in the three forms; `date +%s` gives the number.
@Suite struct RetryAfterTests {
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000), ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400), ("Sat, 01 Jan 2000 00:00:00 GMT", 946_684_800),
    ])
    func `a date is read in all three forms`(text: String, seconds: Int64) {
        #expect(RetryAfter.seconds(ofDate: text) == seconds)
    }

    @Test func `seconds are seconds, dates count from the service's own clock`() {
        let noon = "Thu, 29 Feb 2024 12:00:00 GMT"
        let soon = "Thu, 29 Feb 2024 12:01:30 GMT"
        #expect(RetryAfter.wait(" 120 ", date: nil, unixTime: 0) == .seconds(120))
        #expect(RetryAfter.wait(soon, date: noon, unixTime: 5) == .seconds(90))
        #expect(RetryAfter.wait(soon, date: nil, unixTime: 1_709_208_060) == .seconds(30))
        #expect(RetryAfter.wait(noon, date: soon, unixTime: 5) == .zero)
        #expect(RetryAfter.wait("99999999999999999999999", date: nil, unixTime: 0) == .seconds(31_536_000))
    }

    @Test(arguments: [
        "", " ", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Abc 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 19944 08:49:37 GMT", String(repeating: "9", count: 65),
    ])
    func `what is neither is nothing`(text: String) {
        #expect(RetryAfter.wait(text, date: nil, unixTime: 0) == nil)
    }
}
