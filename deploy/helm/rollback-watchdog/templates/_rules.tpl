{{- /* The rules of one Role: (role, what is guarded). A rule without names would hold for all
objects of its kind, so there is none where nothing is named. */ -}}
{{- define "watchdog.rules" -}}
{{- $role := index . 0 -}}
{{- $guarded := index . 1 -}}
{{- if eq $role "evaluator" -}}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [replicasets, controllerrevisions]
  verbs: [list]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods/log, services]
  verbs: [get]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list]
{{- else if eq $role "flags" -}}
{{- include "watchdog.patch" (list "apps" "deployments" $guarded.deployments) -}}
{{- else if eq $role "routing" -}}
{{- include "watchdog.patch" (list "" "services" $guarded.services) -}}
{{- else if eq $role "application" -}}
{{- include "watchdog.patch" (list "apps" "deployments" $guarded.deployments) -}}
{{- include "watchdog.patch" (list "apps" "daemonsets" $guarded.daemonSets) -}}
{{- include "watchdog.patch" (list "apps" "statefulsets" $guarded.statefulSets) -}}
{{- if $guarded.statefulSets }}
- apiGroups: [""]
  resources: [pods]
  verbs: [delete]
{{- end -}}
{{- if $guarded.jobs }}
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, patch]
{{- end -}}
{{- with $guarded.cronJobs }}
- apiGroups: [batch]
  resources: [cronjobs]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "watchdog.patch" -}}
{{- if index . 2 }}
- apiGroups: [{{ index . 0 | quote }}]
  resources: [{{ index . 1 }}]
  resourceNames: {{ index . 2 | toJson }}
  verbs: [patch]
{{- end -}}
{{- end -}}
