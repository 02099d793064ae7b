#!/usr/bin/env bash
# Lets the app's managed identity read Microsoft Graph, or takes that away again.
# Safe to repeat: what is granted already stays as it is.
# Needs: Azure CLI, signed in (az login) as Privileged Role Administrator or Global Administrator.
set -euo pipefail

# The same names as in infra/data/graph-permissions.json. Why each is needed: python cli.py permissions
REQUIRED=(
  GroupMember.Read.All
  Organization.Read.All
  Policy.Read.All
  RoleManagement.Read.Directory
  User.Read.All
  UserAuthenticationMethod.Read.All
)
OPTIONAL=(
  Application.Read.All
  AuditLog.Read.All
  DelegatedPermissionGrant.Read.All
  Directory.Read.All
  DirectoryRecommendations.Read.All
  MailboxSettings.Read
  Member.Read.Hidden
)
GRAPH_APP_ID=00000003-0000-0000-c000-000000000000
GUID='^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'

usage() {
  cat <<'TEXT'
Usage: infra/grant-permissions.sh [--identity OBJECT_ID] [--also PERMISSION]... [--optional] [--what-if] [--revoke]

  --identity OBJECT_ID  object ID of the managed identity (output IDENTITY_PRINCIPAL_ID of the deployment);
                        without it, that of the current azd environment
  --also PERMISSION     also this optional permission, e.g. AuditLog.Read.All; repeatable. A deployment that isn't told
                        otherwise needs that one
  --optional            also all optional permissions: docs/permissions.md says what each is for
  --what-if             say what would be done, change nothing
  --revoke              take away every permission this script can grant, required and optional
TEXT
}

fail() {
  printf 'grant-permissions: %s\n' "$1" >&2
  exit 1
}

identity='' also=() optional=false what_if=false revoke=false
while (($#)); do
  case $1 in
    --identity)
      (($# > 1)) || fail '--identity needs the object ID of the managed identity after it.'
      identity=$2
      shift
      ;;
    --identity=*) identity=${1#*=} ;;
    --also)
      (($# > 1)) || fail '--also needs the name of an optional permission after it.'
      also+=("$2")
      shift
      ;;
    --also=*) also+=("${1#*=}") ;;
    --optional) optional=true ;;
    --what-if) what_if=true ;;
    --revoke) revoke=true ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail "$1 is not an option of this script."
      ;;
  esac
  shift
done
lower() { tr '[:upper:]' '[:lower:]' <<<"$1"; }

# The optional permission of that name, in whatever case, as Microsoft Graph writes it; nothing where there is none.
optional_named() {
  local one
  for one in "${OPTIONAL[@]}"; do
    if [[ $(lower "$one") == "$(lower "$1")" ]]; then
      printf '%s' "$one"
    fi
  done
}

wanted=("${REQUIRED[@]}")
if $optional || $revoke; then
  wanted+=("${OPTIONAL[@]}")
fi
# The Bash of macOS takes an empty array for an unset variable.
for permission in ${also[@]+"${also[@]}"}; do
  known=$(optional_named "$permission")
  [[ -n $known ]] || fail "$permission is not an optional permission: they are ${OPTIONAL[*]}."
  [[ " ${wanted[*]} " == *" $known "* ]] || wanted+=("$known")
done
if [[ -z $identity ]] && command -v azd >/dev/null; then
  identity=$(azd env get-value IDENTITY_PRINCIPAL_ID 2>/dev/null) || identity=''
  if [[ -n $identity ]]; then
    printf 'Managed identity of the current azd environment: %s\n' "$identity"
  fi
fi
if [[ -z $identity ]]; then
  usage >&2
  fail '--identity is missing.'
fi
[[ $identity =~ $GUID ]] || fail "$identity is not an object ID: copy the output IDENTITY_PRINCIPAL_ID."
command -v az >/dev/null || fail 'Azure CLI (az) was not found: install it, or use grant-permissions.ps1.'

# Prints the answer of Microsoft Graph as tab-separated text. Stops with the answer's own message.
graph() {
  local answer
  if ! answer=$(az rest --only-show-errors --output tsv "$@"); then
    fail 'Microsoft Graph did not do it; the reason is above. Granting needs Privileged Role Administrator.'
  fi
  printf '%s' "${answer//$'\r'/}"
}

# Each national cloud has a Graph of its own; az knows the one of the cloud it is signed in to.
host=$(az cloud show --only-show-errors --query endpoints.microsoftGraphResourceId --output tsv) ||
  fail 'Azure CLI could not name its cloud: run az login first.'
host=${host//$'\r'/}
root=${host%/}/v1.0

graph_principal=$(graph --method get --query id \
  --url "$root/servicePrincipals(appId='$GRAPH_APP_ID')?\$select=id")
[[ $graph_principal =~ $GUID ]] || fail "Microsoft Graph's own service principal was not found at $root."

kind=$(graph --method get --query servicePrincipalType \
  --url "$root/servicePrincipals/$identity?\$select=servicePrincipalType")
[[ $kind == ManagedIdentity ]] ||
  fail "$identity is of type ${kind:-unknown}, not ManagedIdentity. Nothing was changed: check the object ID."

# Permission names are resolved here and now, so that no ID can be out of date: name, tab, ID.
roles=$(graph --method get --query "appRoles[?contains(allowedMemberTypes, 'Application')].[value, id]" \
  --url "$root/servicePrincipals/$graph_principal?\$select=appRoles")
[[ -n $roles ]] || fail "Microsoft Graph listed no permissions at $root."

# What the identity holds now: permission ID, tab, assignment ID.
granted=''
page="$root/servicePrincipals/$identity/appRoleAssignments?\$top=999"
while [[ -n $page ]]; do
  granted+=$(graph --method get --url "$page" \
    --query "value[?resourceId=='$graph_principal'].[appRoleId, id]")$'\n'
  page=$(graph --method get --url "$page" --query '"@odata.nextLink"')
  [[ $page != None ]] || page=''
done

role_id() { awk -F '\t' -v name="$1" '$1 == name { print $2; exit }' <<<"$roles"; }
assignment_of() { awk -F '\t' -v id="$1" '$1 == id { print $2; exit }' <<<"$granted"; }

# All of them before the first change: what can't be granted as a whole isn't begun.
missing=()
for permission in "${wanted[@]}"; do
  [[ -n $(role_id "$permission") ]] || missing+=("$permission")
done
if ! $revoke && ((${#missing[@]})); then
  fail "This cloud's Microsoft Graph does not offer ${missing[*]}. Nothing was changed."
fi

changed=0
for permission in "${wanted[@]}"; do
  id=$(role_id "$permission")
  assignment=''
  [[ -z $id ]] || assignment=$(assignment_of "$id")
  if $revoke; then
    if [[ -z $assignment ]]; then
      printf 'not granted    %s\n' "$permission"
    elif $what_if; then
      printf 'would revoke   %s\n' "$permission"
      changed=$((changed + 1))
    else
      graph --method delete --url "$root/servicePrincipals/$graph_principal/appRoleAssignedTo/$assignment"
      printf 'revoked        %s\n' "$permission"
      changed=$((changed + 1))
    fi
  elif [[ -n $assignment ]]; then
    printf 'already there  %s\n' "$permission"
  elif $what_if; then
    printf 'would grant    %s\n' "$permission"
    changed=$((changed + 1))
  else
    graph --method post --url "$root/servicePrincipals/$graph_principal/appRoleAssignedTo" --output none \
      --headers Content-Type=application/json \
      --body "{\"principalId\": \"$identity\", \"resourceId\": \"$graph_principal\", \"appRoleId\": \"$id\"}"
    printf 'granted        %s\n' "$permission"
    changed=$((changed + 1))
  fi
done

# Mail is sent with an Exchange role for one mailbox. The same right from Entra ID would reach every mailbox.
if [[ -n $(assignment_of "$(role_id Mail.Send)") ]]; then
  printf '\nWarning: this identity holds Mail.Send in Entra ID and can send mail as anybody in the tenant.\n'
  printf 'Take it away (Entra admin center > Enterprise apps > the identity > Permissions) and use\n'
  printf 'the Exchange role in docs/deploy.md instead.\n'
fi

if $what_if; then
  printf '\n%d change(s) would be made. Nothing was changed.\n' "$changed"
elif ((changed)); then
  printf '\n%d change(s) made. It can take some minutes, rarely an hour, until they reach the app.\n' "$changed"
else
  printf '\nNothing had to be changed.\n'
fi
