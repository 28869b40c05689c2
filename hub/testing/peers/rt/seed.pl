# Fill a fresh Request Tracker with what every test needs: rights by kind of person, the hub's own user, and
# one token each for root and hub, printed as "name token" lines.
use strict;
use warnings;
use RT;
RT::LoadConfig();
RT::Init();

sub grant {
    my ($group, @rights) = @_;
    for my $right (@rights) {
        my ($ok, $message) = $group->PrincipalObj->GrantRight(Right => $right, Object => RT->System);
        die "$right: $message\n" unless $ok;
    }
}

my $privileged = RT::Group->new(RT->SystemUser);
$privileged->LoadSystemInternalGroup('Privileged');
grant($privileged, qw(SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket),
    qw(ModifyTicket OwnTicket Watch SeeCustomField ModifyCustomField));

my $requestor = RT::Group->new(RT->SystemUser);
$requestor->LoadRoleGroup(Object => RT->System, Name => 'Requestor');
grant($requestor, qw(ShowTicket ReplyToTicket));

my $hub = RT::User->new(RT->SystemUser);
my ($ok, $message) = $hub->Create(Name => 'hub', EmailAddress => 'rt@hub.example', Privileged => 1);
die "hub: $message\n" unless $ok;

for my $name (qw(root hub)) {
    my $owner = RT::User->new(RT->SystemUser);
    $owner->Load($name);
    my ($id, $reason, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $owner->id, Description => 'tests');
    die "token of $name: $reason\n" unless $id;
    print "$name $token\n";
}
