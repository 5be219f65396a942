#!/bin/bash
# In the manner of the scripts that deployed to the system before this one: it is run as it is, and knows nothing of us.
set -e
api() { curl -k -s -X "$1" -H "Authorization: Bearer $API_TOKEN" "${@:3}" "$MANAGER$2"; }
states_agree() { api GET "/api/v2/deployments/$1" | recode utf-8..ascii | jq '.deployment | .current_state == .desired_state'; }

BEFORE=$(api GET "/api/kv/rolling/$APP_NAME/candidate/id?raw=true")
ID="$APP_NAME-$(date +%Y%m%d-%H%M%S)"

api POST /api/v2/deployments/ -d @- <<JSON
{
  "deployment_id": "$ID",
  "deployment_name": "$APP_LABEL 7",
  "desired_state": 1,
  "placement": { "pool_id": "default" },
  "quantities": { "app": ${SCALE:-1} },
  "stack": {
    "content": "version: 2\nservices:\n  app:\n    image: \"registry.example/$APP_NAME:7\"\n    ports:\n      - $PORT/tcp\n    environment:\n      - \"occs:availability=per-pool\"\n      - \"occs:scheduler=random\"\n      - \"PASSWORD=hunter2\"\n$FURTHER",
    "service_id": "app",
    "service_name": "$APP_LABEL 7",
    "subtype": "service"
  }
}
JSON

HEALTHY=0
for TRY in $(seq 12); do
  if [ "$(states_agree "$ID")" == "true" ]; then HEALTHY=1; break; fi
  echo "not healthy: try $TRY of 12"
  sleep 5
done
if [ $HEALTHY -eq 0 ]; then echo "given up"; exit 1; fi

api PUT "/api/kv/rolling/$APP_NAME/blendpercent" -d 0
api PUT "/api/kv/rolling/$APP_NAME/candidate/id" -d "apps/app-$ID-$PORT/containers"

OLD_ID=$(echo $BEFORE | sed -r 's/apps\/app-(.+)-([0-9]+)\/containers/\1/')
STATUS=$(api GET "/api/v2/deployments/$OLD_ID" -o /dev/null -w '%{http_code}')
if [ $STATUS -eq 404 ]; then echo "nothing to remove: $OLD_ID"; exit 0; fi

api POST "/api/v2/deployments/$OLD_ID/stop"
STOPPED=0
for TRY in $(seq 30); do
  if [ "$(states_agree "$OLD_ID")" == "true" ]; then STOPPED=1; break; fi
  sleep 10
done
if [ $STOPPED -eq 0 ]; then echo "not stopped: $OLD_ID"; exit 0; fi

for TRY in $(seq 30); do
  ANSWER=$(api DELETE "/api/v2/deployments/$OLD_ID")
  if [ "$(echo ${ANSWER} | jq -r '.errors | length')" -eq 0 ]; then echo "removed: $OLD_ID"; exit 0; fi
  echo "try $TRY: $(echo ${ANSWER} | jq '.errors[].message')"
  sleep 10
done
echo "not removed: $OLD_ID"
