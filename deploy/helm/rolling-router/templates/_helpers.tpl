{{- define "rolling-router.name" -}}
{{- if contains "rolling-router" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-rolling-router" (.Release.Name | trunc 35 | trimSuffix "-") }}{{ end -}}
{{- end }}

{{- define "rolling-router.selector" -}}
app.kubernetes.io/name: rolling-router
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rolling-router.kubernetes.selector" -}}
app.kubernetes.io/name: rolling-router-k8s
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rolling-router.kubernetes.labels" -}}
{{ include "rolling-router.kubernetes.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "rolling-router.labels" -}}
{{ include "rolling-router.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
