{{- define "watchdog.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "watchdog.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "watchdog.labels" -}}
{{ include "watchdog.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /* The Roles of a level: its own, and those of the levels before it. */ -}}
{{- define "watchdog.roles" -}}
{{- $all := list "evaluator" "flags" "routing" "application" -}}
{{- $upTo := dict "none" 0 "alert-only" 1 "flags" 2 "routing" 3 "application" 4 -}}
{{- toJson (slice $all 0 (get $upTo .Values.level)) -}}
{{- end -}}

{{- /* Without any right it could not see them, and would never begin anything. */ -}}
{{- define "watchdog.switches" -}}
{{- if and .Values.switches.enabled (ne .Values.level "none") -}}
yes
{{- end -}}
{{- end -}}

{{- /* One account a level: to go down a level takes rights away from the next pod at once. */ -}}
{{- define "watchdog.account" -}}
{{- $roles := include "watchdog.roles" . | fromJsonArray -}}
{{- if $roles -}}
{{- printf "%s-%s" (include "watchdog.name" .) (last $roles) -}}
{{- else -}}
{{- include "watchdog.name" . -}}
{{- end -}}
{{- end -}}
