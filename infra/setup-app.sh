#!/usr/bin/env bash
# Makes an app registration with which scans run outside Azure, or takes its rights away again.
# Safe to repeat: what is there already stays as it is.
# Needs: Azure CLI, signed in (az login) as Privileged Role Administrator with Application Administrator, or as Global Administrator.
set -euo pipefail

GUID='^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
GITHUB=https://token.actions.githubusercontent.com

usage() {
  cat <<'TEXT'
Usage: infra/setup-app.sh [--name NAME] HOW [--also PERMISSION]... [--optional] [--what-if]
       infra/setup-app.sh [--name NAME] --revoke [--what-if]

  --name NAME          unique name of the registration; default: app-password-watch-scan
HOW it signs in, one of:
  --certificate FILE   a certificate with its private key, in PEM; made, for 365 days, where there is no such file.
                       It is the only one afterwards: repeat with a new file to replace it
  --github OWNER/REPO  GitHub Actions, without a secret: from the branch main, or
      --branch NAME        from another branch, or
      --environment NAME   from jobs in this environment
  --issuer URL --subject TEXT
                       another issuer without a secret, such as the service connection of Azure DevOps
and:
  --also PERMISSION    also this optional permission, e.g. AuditLog.Read.All; repeatable
  --optional           also all optional permissions: docs/permissions.md says what each is for
  --what-if            say what would be done, change nothing
  --revoke             take away its permissions, its certificate and its federated credentials
TEXT
}

fail() {
  printf 'setup-app: %s\n' "$1" >&2
  exit 1
}

name=app-password-watch-scan certificate='' repository='' branch='' environment='' issuer='' subject=''
what_if=false revoke=false grants=()
while (($#)); do
  option=${1%%=*}
  case $option in
    --name | --certificate | --github | --branch | --environment | --issuer | --subject | --also)
      if [[ $1 == *=* ]]; then
        value=${1#*=}
      else
        (($# > 1)) || fail "$option needs a value after it."
        value=$2
        shift
      fi
      case $option in
        --name) name=$value ;;
        --certificate) certificate=$value ;;
        --github) repository=$value ;;
        --branch) branch=$value ;;
        --environment) environment=$value ;;
        --issuer) issuer=$value ;;
        --subject) subject=$value ;;
        --also) grants+=(--also "$value") ;;
      esac
      ;;
    --optional) grants+=(--optional) ;;
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

[[ $name =~ ^[A-Za-z0-9-]{3,60}$ ]] || fail 'The name takes 3 to 60 letters, digits and hyphens.'
if [[ -n $repository ]]; then
  [[ $repository =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || fail "$repository is not a repository: write OWNER/REPO."
  [[ -z $branch || -z $environment ]] || fail '--branch and --environment exclude each other.'
  [[ -z $issuer$subject ]] || fail '--github knows issuer and subject.'
  issuer=$GITHUB
  subject="repo:$repository:ref:refs/heads/${branch:-main}"
  [[ -z $environment ]] || subject="repo:$repository:environment:$environment"
elif [[ -n $branch$environment ]]; then
  fail '--branch and --environment go with --github.'
fi
if [[ -n $issuer || -n $subject ]]; then
  [[ $issuer == https://* && -n $subject ]] || fail 'A federated credential needs --issuer https://... and --subject.'
  [[ "$issuer$subject" != *[\"\\[:cntrl:]]* ]] || fail 'Issuer and subject hold a character that none has.'
fi
if ! $revoke; then
  [[ -n $certificate || -n $issuer ]] || { usage >&2 && fail 'Say how it signs in: --certificate, --github, or --issuer with --subject.'; }
  [[ -z $certificate || -z $issuer ]] || fail 'A certificate and a federated credential exclude each other: two ways in are one too many.'
fi
command -v az >/dev/null || fail 'Azure CLI (az) was not found: install it, or use setup-app.ps1.'
[[ -z $certificate ]] || command -v openssl >/dev/null || fail 'openssl was not found: it reads and makes the certificate.'

# Prints the answer of Microsoft Graph as tab-separated text. Stops with the answer's own message.
graph() {
  local answer
  if ! answer=$(az rest --only-show-errors --output tsv "$@"); then
    fail 'Microsoft Graph did not do it; the reason is above. It takes Application Administrator and Privileged Role Administrator.'
  fi
  printf '%s' "${answer//$'\r'/}"
}

# The same for a change.
change() {
  local method=$1 url=$2 body=$3
  graph --method "$method" --url "$url" --headers Content-Type=application/json Prefer=create-if-missing --body "$body" --output none
}

host=$(az cloud show --only-show-errors --query endpoints.microsoftGraphResourceId --output tsv) ||
  fail 'Azure CLI could not name its cloud: run az login first.'
host=${host//$'\r'/}
root=${host%/}/v1.0
case $(az cloud show --only-show-errors --query name --output tsv) in
  AzureUSGovernment*) audience=api://AzureADTokenExchangeUSGov ;;
  AzureChinaCloud*) audience=api://AzureADTokenExchangeChina ;;
  *) audience=api://AzureADTokenExchange ;;
esac
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tenant=$(graph --method get --url "$root/organization?\$select=id" --query 'value[0].id')
[[ $tenant =~ $GUID ]] || fail 'The tenant could not be read.'

# The registration by its unique name, which survives a change of the displayed one: id, tab, application id. Nothing where there is none.
found=$(az rest --only-show-errors --output tsv --method get --url "$root/applications(uniqueName='$name')?\$select=id,appId" \
  --query '[id, appId]' 2>&1) || {
  [[ $found == *ResourceNotFound* || $found == *'Not Found'* ]] || fail "The registration could not be read: $found"
  found=''
}
# az writes the two on two lines, or with a tab between them.
read -r object app <<<"$(tr '\r\n\t' '   ' <<<"$found")" || true

if [[ -z ${app:-} ]]; then
  if $revoke; then
    printf 'There is no registration %s: nothing had to be changed.\n' "$name"
    exit 0
  fi
  printf '%s registration %s\n' "$($what_if && echo 'would make    ' || echo 'made          ')" "$name"
  if $what_if; then
    printf 'would let it sign in by %s, and grant it the permissions of docs/permissions.md.\n\nNothing was changed.\n' \
      "${certificate:-$issuer, $subject}"
    exit 0
  fi
  change patch "$root/applications(uniqueName='$name')" "{\"displayName\": \"$name\", \"signInAudience\": \"AzureADMyOrg\"}"
  read -r object app <<<"$(graph --method get --url "$root/applications(uniqueName='$name')?\$select=id,appId" \
    --query '[id, appId]' | tr '\r\n\t' '   ')"
else
  printf 'already there  registration %s\n' "$name"
fi
[[ $object =~ $GUID && $app =~ $GUID ]] || fail 'The registration has no id.'
$what_if || $revoke || change patch "$root/servicePrincipals(appId='$app')" '{}'
principal=$(graph --method get --url "$root/servicePrincipals(appId='$app')?\$select=id" --query id)
[[ $principal =~ $GUID ]] || fail 'The registration has no service principal in this tenant.'

held=$(graph --method get --url "$root/applications/$object?\$select=keyCredentials" \
  --query 'keyCredentials[].[customKeyIdentifier]')
federated=$(graph --method get --url "$root/applications/$object/federatedIdentityCredentials" --query 'value[].[id, issuer, subject]')

# Takes away every way in but the one that is given: a certificate's identifier, or issuer and subject of a federated credential.
only() {
  local keep_key=$1 keep_issuer=$2 keep_subject=$3 id one_issuer one_subject
  while IFS=$'\t' read -r id one_issuer one_subject; do
    [[ -n $id ]] || continue
    [[ $one_issuer != "$keep_issuer" || $one_subject != "$keep_subject" ]] || continue
    $what_if || graph --method delete --url "$root/applications/$object/federatedIdentityCredentials/$id"
    printf '%s federated credential %s\n' "$($what_if && echo 'would take away' || echo 'taken away    ')" "$one_subject"
  done <<<"$federated"
  if [[ -z $keep_key && -n $held ]]; then
    $what_if || change patch "$root/applications/$object" '{"keyCredentials": []}'
    printf '%s certificate\n' "$($what_if && echo 'would take away' || echo 'taken away    ')"
  fi
}

preview=()
! $what_if || preview=(--what-if)
if $revoke; then
  only '' '' ''
  bash "$here/grant-permissions.sh" --application --identity "$principal" --revoke ${preview[@]+"${preview[@]}"}
  printf 'The registration itself stays, without rights. To delete it: az ad app delete --id %s\n' "$app"
  exit 0
fi

if [[ -n $certificate ]]; then
  if [[ ! -e $certificate ]]; then
    if $what_if; then
      printf 'would make     %s\n' "$certificate"
    else
      (umask 077 && openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=$name" -keyout "$certificate" \
        -out "$certificate.crt" 2>/dev/null && cat "$certificate.crt" >>"$certificate" && rm "$certificate.crt") ||
        fail "$certificate could not be made."
      printf 'made           %s, which only you can read: it is the key to the tenant\n' "$certificate"
    fi
  fi
  if [[ -e $certificate ]]; then
    print=$(openssl x509 -in "$certificate" -noout -fingerprint -sha1) || fail "$certificate holds no certificate in PEM."
    print=$(tr -d ':' <<<"${print#*=}")
    if [[ $(tr '[:lower:]' '[:upper:]' <<<"$held") == "$print" ]]; then
      printf 'already there  certificate %s\n' "$print"
    elif $what_if; then
      printf 'would set      certificate %s\n' "$print"
    else
      der=$(openssl x509 -in "$certificate" -outform der | openssl base64 -A)
      change patch "$root/applications/$object" \
        "{\"keyCredentials\": [{\"type\": \"AsymmetricX509Cert\", \"usage\": \"Verify\", \"key\": \"$der\", \"displayName\": \"$name\"}]}"
      printf 'set            certificate %s, the only one\n' "$print"
    fi
  fi
  only certificate '' ''
else
  if cut -f 2- <<<"$federated" | grep -xF "$issuer"$'\t'"$subject" >/dev/null; then
    printf 'already there  federated credential %s\n' "$subject"
  elif $what_if; then
    printf 'would set      federated credential %s\n' "$subject"
  else
    change post "$root/applications/$object/federatedIdentityCredentials" \
      "{\"name\": \"scan-$(date +%s)\", \"issuer\": \"$issuer\", \"subject\": \"$subject\", \"audiences\": [\"$audience\"]}"
    printf 'set            federated credential %s\n' "$subject"
  fi
  only '' "$issuer" "$subject"
fi

bash "$here/grant-permissions.sh" --application --identity "$principal" ${grants[@]+"${grants[@]}"} ${preview[@]+"${preview[@]}"}
printf '\nSet where it scans:\n  AZURE_CLIENT_ID=%s\n  AZURE_TENANT_ID=%s\n' "$app" "$tenant"
[[ -z $certificate ]] || printf '  AZURE_CLIENT_CERTIFICATE_PATH=%s\n' "$certificate"
