{{/* All groups of rules/*.yaml, as a YAML list. A file is one group (name, rules) or a rule file (groups), with
     Helm's values in it; Prometheus' own braces are written as {{ "{{" }} … {{ "}}" }} there. */}}
{{- define "crawlfleet.ruleGroups" -}}
{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "rules/*.yaml" -}}
{{- $file := tpl ($.Files.Get $path) $ | fromYaml -}}
{{- if hasKey $file "Error" }}{{ fail (printf "%s: %s" $path $file.Error) }}{{ end -}}
{{- $groups = concat $groups (default (list $file) $file.groups) -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}
