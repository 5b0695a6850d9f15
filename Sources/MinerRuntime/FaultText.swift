import BaseTemplates
import Negotiation
import SV2Roles

/// Sentences for why an upstream is given a rest.
enum FaultText {
    static func words(_ fault: UpstreamFault) -> String {
        switch fault {
        case .connectDeadline(let link):
            "no \(words(link)) connection in time; is the address right, and the pool up?"
        case .connection(let link, let reason): "the \(words(link)) connection: \(reason)"
        case .mining(let fault): words(fault)
        case .jobDeclaration(let fault): words(fault)
        case .jobsRefused(let refusal): "it refused two jobs in a row: \(words(refusal))"
        case .noTemplateAfterRefusal: "it refused a job, and no other template came in time"
        case .noJob: "it gave no job in time"
        case .sharesRejected(let count, let total): "it rejected \(count) of the last \(total) shares"
        case .restlessTerms(let changes): "it changed its terms more than \(changes) times in a minute"
        case .baseTemplate(.notGranted): "it does not offer its candidates (extension 0x4144)"
        case .baseTemplate(let fault): "its list of candidates is of no use: \(fault)"
        case .noLightTemplate(let fault): "no template can be made of its candidates: \(fault)"
        }
    }

    static func words(_ refusal: JobRefusal) -> String {
        switch refusal {
        case .declaration(let code): "the declaration was refused: \(code)"
        case .customJob(let code): "the custom job was refused: \(code)"
        case .transactionsWithoutBytes(let count, _): "it asked for \(count) transactions that only it has"
        case .audit: "its own job did not pass the audit"
        }
    }

    private static func words(_ fault: MiningClientFault) -> String {
        switch fault {
        case .deadline(.setup): "no answer to SetupConnection in time"
        case .deadline(.openChannel): "no channel in time"
        case .deadline(.customJob): "no answer to SetCustomMiningJob in time"
        case .setupRefused(_, let code): "it refused the connection: \(code)"
        case .version(let version): "it wants version \(version) of the protocol"
        case .versionRollingRefused: "it lets no version bits be rolled"
        case .extendedChannelsRequired: "it has no standard channels"
        case .extensionsRequired(let numbers): "it insists on extensions that are not spoken here: \(numbers)"
        case .channelRefused(let code): "it refused a channel: \(code); is the user name right?"
        case .extranonceTooShort(let granted, let wanted):
            "it grants \(granted) bytes of extranonce, and \(wanted) are needed"
        case .extranonceTooLong(let size): "it grants an extranonce of \(size) bytes, where 32 are allowed"
        case .channelIdUsedTwice(let id): "it opened channel \(id) twice"
        case .channelClosed(let code): "it closed the channel: \(code)"
        case .unknownJob(let id): "it named job \(id), which it never announced"
        case .jobIdUsedTwice(let id): "it gave two jobs the number \(id)"
        case .jobWithoutCoinbase(let id): "its job \(id) has no coinbase that parses"
        case .bits(let bits): "its bits 0x\(String(bits, radix: 16)) stand for no target"
        }
    }

    private static func words(_ fault: JobDeclarationClientFault) -> String {
        switch fault {
        case .deadline(.setup): "the declarator gave no answer to SetupConnection in time"
        case .deadline(.token): "the declarator gave no token in time"
        case .deadline(.declaration): "the declarator gave no answer to a declaration in time"
        case .setupRefused(_, let code): "the declarator refused the connection: \(code)"
        case .version(let version): "the declarator wants version \(version) of the protocol"
        case .extensionsRequired(let numbers):
            "the declarator insists on extensions that are not spoken here: \(numbers)"
        case .payoutOutputs(let fault): "its payout outputs do not parse: \(fault)"
        case .noPayoutOutput: "its tokens name nobody to be paid"
        case .impossiblePosition(let position, let count):
            "it asked for transaction \(position) of \(count)"
        }
    }

    static func words(_ link: Link) -> String {
        switch link {
        case .mining: "mining"
        case .jobDeclaration: "job declaration"
        }
    }
}
