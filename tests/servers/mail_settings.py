"""The settings of a Postfix with a port for each mood, and of a Dovecot that shows its mailboxes."""

from __future__ import annotations

from pathlib import Path

OFFICE, PRINCIPAL, REVIEWER = "partnerships@example.org", "principal@example.org", "reviewer@example.org"
GONE = "franklin-principal@example.org"  # whose mail another server would take, and it is away
REFUSED = "franklin@example.org"  # whom the other server refuses
PASSWORD = "correct horse"
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
NOBODY = 65534  # owns the mailboxes

# One Postfix with a port for each mood. A mood is what administrators set, often without knowing of us.
MOODS: dict[str, dict[str, str]] = {
    "open": {"mynetworks": "127.0.0.0/8"},
    "login": {"smtpd_recipient_restrictions": "reject_sender_login_mismatch"},
    "unlisted": {"smtpd_reject_unlisted_sender": "yes"},
    "full": {"queue_minfree": "1000000000000000"},
    "small": {"message_size_limit": "2000"},
    "nobody": {"smtpd_recipient_restrictions": "check_recipient_access static:reject"},
    "somebody": {"smtpd_recipient_restrictions": f"check_recipient_access inline:{{{REVIEWER}=reject}}"},
    "grey": {"smtpd_recipient_restrictions": "check_recipient_access static:{450 4.2.0 Greylisted}"},
    "greyer": {"smtpd_recipient_restrictions": "check_recipient_access static:{451 4.7.1 Greylisted}"},
    "broken": {"smtpd_recipient_restrictions": "check_recipient_access hash:/nowhere"},
    "checked": {"mynetworks": "127.0.0.0/8", "cleanup_service_name": "checked"},
    "stranger": {"smtpd_client_restrictions": "reject"},
}
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
myhostname = mx.example.org
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
recipient_delimiter = +
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
transport_maps = inline:{{ {away} }}
maximal_queue_lifetime = 0
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_sender_login_maps = inline:{{ {logins} }}
smtpd_sasl_authenticated_header = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/authority.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
"""
MASTER = """
checked unix n - n - 0 cleanup -o header_checks=regexp:{folder}/etc/checks
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
DOVECOT = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
ssl = required
ssl_cert = <{folder}/authority.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail/%n
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={folder}/mail/%n
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""

# Dovecot checks the signature of a token by itself, with the secret in this place (RFC 7519).
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/secrets/
username_attribute = email
"""
SECRET = b"a secret of the server that gives the tokens"
