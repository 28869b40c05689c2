# Make a global scrip that posts every transaction of a ticket to a URL.  Arguments: the URL, then a name and
# a value for each extra header.  They are written into the scrip, as an administrator would do by hand.
use strict;
use warnings;
use RT;
use Data::Dumper;
RT::LoadConfig();
RT::Init();

my ($url, %headers) = @ARGV;
my $target = Data::Dumper->new([$url])->Terse(1)->Useqq(1)->Indent(0)->Dump;
my $extra = Data::Dumper->new([[%headers]])->Terse(1)->Useqq(1)->Indent(0)->Dump;
my $commit = join "\n", "my (\$url, \$headers) = ($target, $extra);", do { local $/; <DATA> };

my $scrip = RT::Scrip->new(RT->SystemUser);
my ($ok, $message) = $scrip->Create(
    Description       => 'Push to the hub',
    Queue             => 0,
    ScripCondition    => 'On Transaction',
    ScripAction       => 'User Defined',
    Template          => 'Blank',
    Stage             => 'TransactionCreate',
    CustomPrepareCode => 'return 1;',
    CustomCommitCode  => $commit,
);
die "$message\n" unless $ok;

__DATA__
require LWP::UserAgent;
require JSON;
my $txn = $self->TransactionObj;
my $ticket = $self->TicketObj;
my $body = {
    ticket  => $ticket->id + 0,
    queue   => $ticket->QueueObj->Name,
    subject => $ticket->Subject,
    status  => $ticket->Status,
    txn     => $txn->id + 0,
    type    => $txn->Type,
    field   => $txn->Field,
    old     => $txn->OldValue,
    new     => $txn->NewValue,
    creator => $txn->CreatorObj->Name,
    created => $txn->CreatedObj->W3CDTF(Timezone => 'UTC'),
    content => $txn->HasContent ? $txn->Content : undef,
};
my $agent = LWP::UserAgent->new(timeout => 5);
$agent->post($url, @$headers, 'Content-Type' => 'application/json', Content => JSON::encode_json($body));
return 1;
