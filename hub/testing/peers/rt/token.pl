# Print a new API token for the user named by the argument.
use strict;
use warnings;
use RT;
RT::LoadConfig();
RT::Init();

my $owner = RT::User->new(RT->SystemUser);
$owner->Load($ARGV[0]);
my ($id, $reason, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $owner->id, Description => 'tests');
die "$reason\n" unless $id;
print "$token\n";
